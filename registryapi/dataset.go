package registryapi

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/permission"
)

// Datasets makes and reads saved datasets with the offline store that goes with
// the registry.
type Datasets interface {
	// Create joins features to entity rows, as asked, and stores the answer.
	Create(ctx context.Context, d Dataset) (Made, error)
	// Preview returns the columns of a stored dataset and its first rows, at
	// most limit, each value as JSON.
	Preview(ctx context.Context, stored *core.SavedDataset, limit int) (columns []string, rows [][]string, err error)
}

// Dataset is a dataset that is to be made.
type Dataset struct {
	Project, Name string
	Service       string   // of features, or
	Features      []string // view:feature
	Rows          string   // entity rows, as a JSON list of objects, or
	Path          string   // a file of them
	Storage       string   // "file", "postgres", …
	Location      string   // the file or table
	Overwrite     bool     // what is there already
}

// Made is what a dataset has turned out to be.
type Made struct {
	Features, Keys []string
	Storage        *core.SavedDatasetStorage
	From, To       time.Time // the entity rows' event times; zero where there are none
}

// CreateDatasetFromRetrieval makes a dataset beside other calls, and registers
// it. The job of it can be asked about.
func (s *service) CreateDatasetFromRetrieval(ctx context.Context, r *pb.CreateDatasetFromRetrievalRequest) (*pb.CreateDatasetFromRetrievalResponse, error) {
	if s.Datasets == nil {
		return nil, withoutOffline
	}
	d, err := datasetOf(r)
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, func(v view) error { return v.checkDataset(d) }); err != nil {
		return nil, err
	}
	job := s.jobs.start(d.Project, d.Name, func(ctx context.Context) error {
		made, err := s.Datasets.Create(ctx, d)
		if err != nil {
			return err
		}
		return s.register(ctx, d, made, r.GetTags())
	})
	return &pb.CreateDatasetFromRetrievalResponse{JobId: job.GetJobId(), Status: job.GetStatus()}, nil
}

var withoutOffline = feastError(codes.FailedPrecondition, "FeastError", "this registry is served without an offline store: "+
	"make the dataset by FeatureStore.create_saved_dataset")

// register puts a dataset that was made into the registry.
func (s *service) register(ctx context.Context, d Dataset, made Made, tags map[string]string) error {
	m := &core.SavedDataset{Spec: &core.SavedDatasetSpec{Name: d.Name, Project: d.Project, Features: made.Features, JoinKeys: made.Keys,
		Storage: made.Storage, Tags: tags, FeatureServiceName: d.Service}, Meta: &core.SavedDatasetMeta{}}
	if !made.From.IsZero() {
		m.Meta.MinEventTimestamp, m.Meta.MaxEventTimestamp = timestamppb.New(made.From), timestamppb.New(made.To)
	}
	o, err := feastconv.Decode(m)
	if err != nil {
		return err
	}
	draft := &draft{project: d.Project, objects: map[place]change{}}
	draft.put(savedDatasets, m, o)
	return s.Store.Change(ctx, []string{d.Project}, func(registry *core.Registry, now time.Time) error { return draft.write(registry, now) })
}

// GetDatasetData returns the first rows of a registered dataset.
func (s *service) GetDatasetData(ctx context.Context, r *pb.GetDatasetDataRequest) (*pb.GetDatasetDataResponse, error) {
	var stored *core.SavedDataset
	err := s.read(ctx, func(v view) error {
		m := v.object(savedDatasets, r.GetProject(), r.GetName())
		if m == nil {
			return savedDatasets.notFound(r.GetProject(), r.GetName())
		}
		stored = m.(*core.SavedDataset)
		return v.access.check(r.GetProject(), m, permission.ReadOffline)
	})
	if err != nil {
		return nil, err
	}
	if s.Datasets == nil {
		return nil, withoutOffline
	}
	limit := int(r.GetLimit())
	if limit <= 0 {
		limit = 10
	}
	columns, rows, err := s.Datasets.Preview(ctx, stored, limit)
	if err != nil {
		return nil, asof.Errorf(asof.ErrorCode(err), "unable to load a preview of dataset %q: %w", r.GetName(), err)
	}
	answer := &pb.GetDatasetDataResponse{Columns: columns, TotalRows: int32(len(rows)), SampleSize: int32(len(rows))}
	if len(rows) == 0 {
		answer.Columns = nil // as Feast answers
	}
	for _, row := range rows {
		answer.Rows = append(answer.Rows, &pb.TabularRow{Values: row})
	}
	return answer, nil
}

// GetDatasetJobStatus and ListDatasetJobs tell of the datasets that this server
// has made since it started.
func (s *service) GetDatasetJobStatus(ctx context.Context, r *pb.GetDatasetJobStatusRequest) (*pb.GetDatasetJobStatusResponse, error) {
	for _, job := range s.jobs.list() {
		if job.GetJobId() == r.GetJobId() {
			return job, s.checkJob(ctx, job)
		}
	}
	return nil, feastError(codes.NotFound, "FeastObjectNotFoundException", "Dataset job '%s' not found", r.GetJobId())
}

func (s *service) ListDatasetJobs(ctx context.Context, r *pb.ListDatasetJobsRequest) (*pb.ListDatasetJobsResponse, error) {
	answer := &pb.ListDatasetJobsResponse{}
	for _, job := range s.jobs.list() {
		if r.GetProject() != "" && job.GetProject() != r.GetProject() || isJobStatus(r.GetStatusFilter()) && job.GetStatus() != r.GetStatusFilter() {
			continue
		}
		switch err := s.checkJob(ctx, job); {
		case err == nil:
			answer.Jobs = append(answer.Jobs, job)
		case asof.ErrorCode(err) != asof.CodeForbidden:
			return nil, err
		}
	}
	return answer, nil
}

// checkJob returns why the caller may not know of a job.
func (s *service) checkJob(ctx context.Context, job *pb.GetDatasetJobStatusResponse) error {
	if s.Guard == nil {
		return nil
	}
	return s.read(ctx, func(v view) error {
		return v.access.check(job.GetProject(), datasetNamed(job.GetDatasetName()), permission.Describe)
	})
}

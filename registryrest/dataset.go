package registryrest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// listDatasets lists saved datasets with the data sources that they come from.
func listDatasets(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	items, page, err := listPlainDatasets(c, l)
	if err != nil || len(items) == 0 {
		return items, page, err
	}
	origins, err := c.origins(l.project)
	for n, i := range items {
		items[n] = originated(i, origins)
	}
	return items, page, err
}

func listPlainDatasets(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListSavedDatasets(c.ctx, &pb.ListSavedDatasetsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order,
		Namespace: c.values.text("namespace"), Collection: c.values.text("collection")})
	return itemsOf(r.GetSavedDatasets()), r.GetPagination(), err
}

func (c *call) withOrigin(project string, i item) (item, error) {
	origins, err := c.origins(project)
	return originated(i, origins), err
}

// origins returns the batch sources of a project's views, by the views' names.
func (c *call) origins(project string) (map[string]string, error) {
	plain, streams, err := c.materialized(project)
	origins := map[string]string{}
	for _, v := range plain {
		origins[v.GetSpec().GetName()] = v.GetSpec().GetBatchSource().GetName()
	}
	for _, v := range streams {
		origins[v.GetSpec().GetName()] = v.GetSpec().GetBatchSource().GetName()
	}
	return origins, err
}

// originated adds to the spec of a dataset the data sources that its features
// come from.
func originated(i item, origins map[string]string) item {
	var sources []string
	for _, reference := range i.message.(*core.SavedDataset).GetSpec().GetFeatures() {
		view, _, _ := strings.Cut(reference, ":")
		view, _, _ = strings.Cut(view, "@")
		if source := origins[view]; source != "" && !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	if len(sources) > 0 {
		i.spec = object{{"dataSources", sources}}
	}
	return i
}

// datasetRoutes make and read datasets.
func datasetRoutes() []route {
	return []route{
		{method: "POST", path: "/saved_datasets", summary: "Register a dataset that is stored somewhere", body: datasetBody{}, reply: refTo("Done"), answer: registerDataset},
		{method: "POST", path: "/saved_datasets/create", summary: "Make a dataset beside other requests", body: creationBody{}, reply: refTo("Begun"), answer: createDataset},
		{method: "GET", path: "/saved_datasets/jobs", summary: "The datasets that were begun since the server started", reply: objectOf("jobs", arrayOf(refTo("DatasetJob"))), answer: datasetJobs,
			parameters: []parameter{{name: "project", about: "Of this project."}, {name: "status", about: "pending, running, completed or failed."}}},
		{method: "GET", path: "/saved_datasets/jobs/{job_id}", summary: "What became of a dataset that was begun", reply: refTo("DatasetJob"), answer: datasetJob},
		{method: "GET", path: "/saved_datasets/data/{name}", summary: "The first rows of a dataset", reply: refTo("Rows"), answer: datasetRows,
			parameters: []parameter{project, {name: "limit", kind: "integer", least: 1, most: 100, fallback: "10", about: "Rows to answer."}}},
	}
}

// datasetBody registers a dataset.
type datasetBody struct {
	Name             string            `json:"name" need:"true"`
	Project          string            `json:"project" need:"true"`
	Path             string            `json:"storage_path" need:"true" about:"The file or table that it is stored in."`
	Storage          string            `json:"storage_type" about:"file, postgres, bigquery, snowflake, redshift, spark, trino, athena or custom; file where it is left out."`
	Format           string            `json:"storage_file_format" about:"Of files that Spark reads."`
	Features         []string          `json:"features" about:"view:feature"`
	JoinKeys         []string          `json:"join_keys"`
	FullFeatureNames bool              `json:"full_feature_names"`
	Service          string            `json:"feature_service_name" about:"Says the features and join keys where they are left out."`
	Tags             map[string]string `json:"tags"`
	Override         bool              `json:"allow_override" about:"Replace a dataset of this name."`
	Namespace        string            `json:"namespace"`
	Collection       string            `json:"collection"`
	Description      string            `json:"description"`
}

func registerDataset(c *call) (any, error) {
	b := datasetBody{Storage: "file", Format: "parquet"}
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	name, project, path := strings.TrimSpace(b.Name), strings.TrimSpace(b.Project), strings.TrimSpace(b.Path)
	if name == "" || project == "" || path == "" {
		return nil, refused(http.StatusBadRequest, "a dataset needs a name, a project and a storage_path")
	}
	storage, err := storageOf(b.Storage, path, b.Format)
	if err != nil {
		return nil, err
	}
	if !b.Override {
		switch _, err := getDataset(c, project, name); status.Code(err) {
		case codes.OK:
			return nil, refused(http.StatusConflict, "project %s has a dataset %s: set allow_override to replace it", project, name)
		case codes.NotFound:
		default:
			return nil, err
		}
	}
	if b.Service != "" && (len(b.Features) == 0 || len(b.JoinKeys) == 0) {
		if err := c.complement(&b, project); err != nil {
			return nil, err
		}
	}
	spec := &core.SavedDatasetSpec{Name: name, Project: project, Features: b.Features, JoinKeys: b.JoinKeys, FullFeatureNames: b.FullFeatureNames, Storage: storage,
		Tags: b.Tags, FeatureServiceName: b.Service, Namespace: b.Namespace, Collection: b.Collection, Description: b.Description}
	_, err = c.registry.ApplySavedDataset(c.ctx, &pb.ApplySavedDatasetRequest{Project: project, Commit: true,
		SavedDataset: &core.SavedDataset{Spec: spec, Meta: &core.SavedDatasetMeta{}}})
	return gone(project, name), err
}

// complement takes the features and join keys of a dataset from its service.
func (c *call) complement(b *datasetBody, project string) error {
	service, err := c.registry.GetFeatureService(c.ctx, &pb.GetFeatureServiceRequest{Project: project, Name: strings.TrimSpace(b.Service)})
	if err != nil {
		return err
	}
	references, keys := []string{}, map[string]bool{}
	for _, p := range service.GetSpec().GetFeatures() {
		view := p.GetFeatureViewName()
		if alias := p.GetFeatureViewNameAlias(); alias != "" {
			view = alias
		}
		for _, f := range p.GetFeatureColumns() {
			references = append(references, view+":"+f.GetName())
		}
		m, err := getView(c, project, p.GetFeatureViewName())
		if err != nil {
			return err
		}
		for _, key := range keysOf(m) {
			if renamed := p.GetJoinKeyMap()[key]; renamed != "" {
				key = renamed
			}
			keys[key] = true
		}
	}
	if len(b.Features) == 0 {
		b.Features = references
	}
	if len(b.JoinKeys) == 0 {
		b.JoinKeys = slices.Sorted(maps.Keys(keys))
	}
	return nil
}

// creationBody makes a dataset.
type creationBody struct {
	Name      string            `json:"name" need:"true"`
	Project   string            `json:"project" need:"true"`
	Path      string            `json:"storage_path" need:"true" about:"The file or table to store it in."`
	Storage   string            `json:"storage_type" about:"file where it is left out."`
	Service   string            `json:"feature_service_name" about:"Whose features, or"`
	Features  []string          `json:"features" about:"view:feature"`
	Source    string            `json:"entity_source_type" about:"inline (where it is left out) or reference."`
	Rows      string            `json:"entity_source_path" about:"The file of entity rows, for reference."`
	Keys      []string          `json:"entity_keys" about:"The columns of inline entity rows."`
	Values    string            `json:"entity_values" about:"The values of one key, or lines with a value for each key."`
	Start     string            `json:"start_date" about:"The first inline row's time."`
	End       string            `json:"end_date" about:"The last inline row's time; now where it is left out."`
	Extra     string            `json:"extra_columns" about:"Lines of column=value."`
	Tags      map[string]string `json:"tags"`
	Overwrite bool              `json:"allow_overwrite"`
}

func createDataset(c *call) (any, error) {
	b := creationBody{Storage: "file", Source: "inline"}
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	r, err := c.registry.CreateDatasetFromRetrieval(c.ctx, &pb.CreateDatasetFromRetrievalRequest{Name: b.Name, Project: b.Project, StoragePath: b.Path, StorageType: b.Storage,
		FeatureServiceName: b.Service, Features: b.Features, EntitySourceType: b.Source, EntitySourcePath: b.Rows, EntityKeys: b.Keys, EntityValues: b.Values,
		StartDate: b.Start, EndDate: b.End, ExtraColumns: b.Extra, Tags: b.Tags, AllowOverwrite: b.Overwrite})
	return object{{"job_id", r.GetJobId()}, {"status", r.GetStatus()}}, err
}

func datasetJobs(c *call) (any, error) {
	r, err := c.registry.ListDatasetJobs(c.ctx, &pb.ListDatasetJobsRequest{Project: c.values.text("project"), StatusFilter: c.values.text("status")})
	told := []object{}
	for _, j := range r.GetJobs() {
		told = append(told, jobOf(j))
	}
	return object{{"jobs", told}}, err
}

func datasetJob(c *call) (any, error) {
	j, err := c.registry.GetDatasetJobStatus(c.ctx, &pb.GetDatasetJobStatusRequest{JobId: c.request.PathValue("job_id")})
	return jobOf(j), err
}

func jobOf(j *pb.GetDatasetJobStatusResponse) object {
	return object{{"job_id", j.GetJobId()}, {"dataset_name", j.GetDatasetName()}, {"project", j.GetProject()}, {"status", j.GetStatus()},
		{"created_at", j.GetCreatedAt()}, {"completed_at", j.GetCompletedAt()}, {"error", j.GetError()}}
}

func datasetRows(c *call) (any, error) {
	r, err := c.registry.GetDatasetData(c.ctx, &pb.GetDatasetDataRequest{Project: c.values.text("project"), Name: c.request.PathValue("name"), Limit: c.values.number("limit")})
	rows := []object{}
	for _, row := range r.GetRows() {
		o := object{}
		for n, column := range r.GetColumns() {
			o = append(o, field{column, cell(row.GetValues(), n)})
		}
		rows = append(rows, o)
	}
	return object{{"columns", append([]string{}, r.GetColumns()...)}, {"rows", rows}, {"total_rows", int(r.GetTotalRows())}, {"sample_size", int(r.GetSampleSize())}}, err
}

// cell is a value of a row, which is JSON mostly.
func cell(values []string, n int) any {
	switch {
	case n >= len(values):
		return ""
	case json.Valid([]byte(values[n])):
		return json.RawMessage(values[n])
	}
	return values[n]
}

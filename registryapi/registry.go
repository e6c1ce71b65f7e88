package registryapi

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/permission"
)

// ApplyProject, GetProject, ListProjects and DeleteProject are those of Feast.
func (s *service) ApplyProject(ctx context.Context, r *pb.ApplyProjectRequest) (*emptypb.Empty, error) {
	name := r.GetProject().GetSpec().GetName()
	return s.change(ctx, name, r.GetCommit(), func(v view, d *draft) error { return v.put(d, projects, r.GetProject()) })
}

func (s *service) GetProject(ctx context.Context, r *pb.GetProjectRequest) (*core.Project, error) {
	return get[*core.Project](ctx, s, projects, r.GetName(), r.GetName())
}

// protected is the tag of a project that Feast lists nowhere.
const protected = "feast.dev/protected-project"

func (s *service) ListProjects(ctx context.Context, r *pb.ListProjectsRequest) (*pb.ListProjectsResponse, error) {
	answer := &pb.ListProjectsResponse{}
	err := s.read(ctx, func(v view) error {
		visible := func(m *core.Project) bool { return m.GetSpec().GetTags()[protected] != "true" }
		answer.Projects, answer.Pagination = arrange(chosen(v.knownProjects(), r.GetTags(), visible), r.GetPagination(), r.GetSorting())
		return nil
	})
	return answer, err
}

func (s *service) DeleteProject(ctx context.Context, r *pb.DeleteProjectRequest) (*emptypb.Empty, error) {
	return s.change(ctx, r.GetName(), r.GetCommit(), func(v view, d *draft) error {
		m := v.object(projects, r.GetName(), r.GetName())
		if m == nil {
			return projects.notFound("", r.GetName())
		}
		if err := v.access.check(r.GetName(), m, permission.Delete); err != nil {
			return err
		}
		d.removeAll()
		return nil
	})
}

// ApplyMaterialization adds a span to those that were copied to the online
// store, joined with those that it touches, and says that the view is available
// online.
func (s *service) ApplyMaterialization(ctx context.Context, r *pb.ApplyMaterializationRequest) (*emptypb.Empty, error) {
	name := r.GetFeatureView().GetSpec().GetName()
	span := asof.Interval{From: r.GetStartDate().AsTime(), To: r.GetEndDate().AsTime()}
	if r.GetStartDate() == nil || r.GetEndDate() == nil || span.To.Before(span.From) {
		return nil, invalid("a materialization of %s needs a start_date and an end_date that is not before it", name)
	}
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error {
		for _, k := range []kind{featureViews, streamViews} {
			if m := v.object(k, d.project, name); m != nil {
				if err := v.access.check(d.project, m, permission.WriteOnline); err != nil {
					return err
				}
				d.materialize(k, name, span)
				return nil
			}
		}
		return featureViews.notFound(d.project, name)
	})
}

// materialized is a view as its connection sees it before spans are committed.
func materialized(m proto.Message, spans []asof.Interval) proto.Message {
	m = proto.Clone(m)
	var meta *core.FeatureViewMeta
	switch m := m.(type) {
	case *core.FeatureView:
		if m.Meta == nil {
			m.Meta = &core.FeatureViewMeta{}
		}
		meta = m.Meta
	case *core.StreamFeatureView:
		if m.Meta == nil {
			m.Meta = &core.FeatureViewMeta{}
		}
		meta = m.Meta
	}
	for _, i := range meta.MaterializationIntervals {
		spans = asof.Cover(spans, asof.Interval{From: i.GetStartTime().AsTime(), To: i.GetEndTime().AsTime()})
	}
	meta.MaterializationIntervals = nil
	for _, s := range spans {
		meta.MaterializationIntervals = append(meta.MaterializationIntervals,
			&core.MaterializationInterval{StartTime: timestamppb.New(s.From), EndTime: timestamppb.New(s.To)})
	}
	meta.State = core.FeatureViewState(asof.StateAvailableOnline)
	return m
}

// ListProjectMetadata returns what older versions of Feast kept of a project.
func (s *service) ListProjectMetadata(ctx context.Context, r *pb.ListProjectMetadataRequest) (*pb.ListProjectMetadataResponse, error) {
	answer := &pb.ListProjectMetadataResponse{}
	err := s.read(ctx, func(v view) error {
		if err := v.checkKnown(r.GetProject()); err != nil {
			return err
		}
		for _, o := range v.index.Objects(r.GetProject(), "project_metadata") {
			answer.ProjectMetadata = append(answer.ProjectMetadata, o.Message.(*core.ProjectMetadata))
		}
		return nil
	})
	return answer, err
}

// UpdateInfra and GetInfra keep what Feast's SDK notes of its online tables.
func (s *service) UpdateInfra(ctx context.Context, r *pb.UpdateInfraRequest) (*emptypb.Empty, error) {
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error {
		if d.project == "" {
			return withoutProject
		}
		if err := v.checkProject(d.project, permission.Describe|permission.Update); err != nil {
			return err
		}
		d.infra = &core.Infra{}
		if r.GetInfra() != nil {
			d.infra = r.GetInfra()
		}
		return nil
	})
}

func (s *service) GetInfra(ctx context.Context, r *pb.GetInfraRequest) (infra *core.Infra, err error) {
	err = s.read(ctx, func(v view) error {
		if d := v.session.find(r.GetProject()); d != nil && d.infra != nil {
			infra = d.infra
		} else {
			infra = feastregistry.Infra(v.index.Registry, r.GetProject())
		}
		return v.checkProject(r.GetProject(), permission.Describe)
	})
	return infra, err
}

// Proto returns the whole registry, with what the connection has not committed,
// and without what the caller must not know of.
func (s *service) Proto(ctx context.Context, _ *emptypb.Empty) (registry *core.Registry, err error) {
	err = s.read(ctx, func(v view) error {
		registry = v.index.Registry
		defer func() { registry = v.described(registry) }()
		if len(v.session.drafts) == 0 {
			return nil
		}
		registry = proto.CloneOf(registry)
		now := time.Now().UTC().Truncate(time.Microsecond)
		for _, d := range slices.Clone(v.session.drafts) {
			if err := d.write(registry, now); err != nil {
				return err
			}
		}
		return nil
	})
	return registry, err
}

package registryapi

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/permission"
)

// ApplyFeatureView puts a view of any kind. The kinds share one space of names.
func (s *service) ApplyFeatureView(ctx context.Context, r *pb.ApplyFeatureViewRequest) (*emptypb.Empty, error) {
	k, m := featureViews, proto.Message(r.GetFeatureView())
	switch r.GetBaseFeatureView().(type) {
	case nil:
		return nil, invalid("the request has no feature view")
	case *pb.ApplyFeatureViewRequest_StreamFeatureView:
		k, m = streamViews, r.GetStreamFeatureView()
	case *pb.ApplyFeatureViewRequest_OnDemandFeatureView:
		k, m = onDemandViews, r.GetOnDemandFeatureView()
	case *pb.ApplyFeatureViewRequest_LabelView:
		k, m = labelViews, r.GetLabelView()
	}
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error {
		name := nameOf(m)
		if other, there := v.anyView(d.project, name); there != nil && other != k {
			return feastError(codes.InvalidArgument, "ConflictingFeatureViewNames",
				"Feature view name '%s' is already used by a %s. Cannot register a %s with the same name.", name, other.typeName(), k.typeName())
		}
		return v.put(d, k, m)
	})
}

// DeleteFeatureView removes a view of any kind.
func (s *service) DeleteFeatureView(ctx context.Context, r *pb.DeleteFeatureViewRequest) (*emptypb.Empty, error) {
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error {
		k, m := v.anyView(d.project, r.GetName())
		if m == nil {
			return featureViews.notFound(d.project, r.GetName())
		}
		if err := v.access.check(d.project, m, permission.Delete); err != nil {
			return err
		}
		d.remove(k, r.GetName())
		return nil
	})
}

// GetFeatureView and the others of its kind return a view of their kind alone.
func (s *service) GetFeatureView(ctx context.Context, r *pb.GetFeatureViewRequest) (*core.FeatureView, error) {
	return get[*core.FeatureView](ctx, s, featureViews, r.GetProject(), r.GetName())
}

func (s *service) GetStreamFeatureView(ctx context.Context, r *pb.GetStreamFeatureViewRequest) (*core.StreamFeatureView, error) {
	return get[*core.StreamFeatureView](ctx, s, streamViews, r.GetProject(), r.GetName())
}

func (s *service) GetOnDemandFeatureView(ctx context.Context, r *pb.GetOnDemandFeatureViewRequest) (*core.OnDemandFeatureView, error) {
	return get[*core.OnDemandFeatureView](ctx, s, onDemandViews, r.GetProject(), r.GetName())
}

func (s *service) GetLabelView(ctx context.Context, r *pb.GetLabelViewRequest) (*core.LabelView, error) {
	return get[*core.LabelView](ctx, s, labelViews, r.GetProject(), r.GetName())
}

// GetAnyFeatureView returns a view of any kind.
func (s *service) GetAnyFeatureView(ctx context.Context, r *pb.GetAnyFeatureViewRequest) (answer *pb.GetAnyFeatureViewResponse, err error) {
	err = s.read(ctx, func(v view) error {
		_, m := v.anyView(r.GetProject(), r.GetName())
		if m == nil {
			return featureViews.notFound(r.GetProject(), r.GetName())
		}
		answer = &pb.GetAnyFeatureViewResponse{AnyFeatureView: wrapped(m)}
		return v.access.check(r.GetProject(), m, permission.Describe)
	})
	return answer, err
}

// wrapped says of a view which kind it is.
func wrapped(m proto.Message) *pb.AnyFeatureView {
	switch m := m.(type) {
	case *core.FeatureView:
		return &pb.AnyFeatureView{AnyFeatureView: &pb.AnyFeatureView_FeatureView{FeatureView: m}}
	case *core.StreamFeatureView:
		return &pb.AnyFeatureView{AnyFeatureView: &pb.AnyFeatureView_StreamFeatureView{StreamFeatureView: m}}
	case *core.OnDemandFeatureView:
		return &pb.AnyFeatureView{AnyFeatureView: &pb.AnyFeatureView_OnDemandFeatureView{OnDemandFeatureView: m}}
	case *core.LabelView:
		return &pb.AnyFeatureView{AnyFeatureView: &pb.AnyFeatureView_LabelView{LabelView: m}}
	}
	return nil
}

// ListFeatureViews and the others of its kind list the views of their kind.
func (s *service) ListFeatureViews(ctx context.Context, r *pb.ListFeatureViewsRequest) (*pb.ListFeatureViewsResponse, error) {
	page, about, err := list[*core.FeatureView](ctx, s, featureViews, r, nil)
	return &pb.ListFeatureViewsResponse{FeatureViews: page, Pagination: about}, err
}

func (s *service) ListStreamFeatureViews(ctx context.Context, r *pb.ListStreamFeatureViewsRequest) (*pb.ListStreamFeatureViewsResponse, error) {
	page, about, err := list[*core.StreamFeatureView](ctx, s, streamViews, r, nil)
	return &pb.ListStreamFeatureViewsResponse{StreamFeatureViews: page, Pagination: about}, err
}

func (s *service) ListOnDemandFeatureViews(ctx context.Context, r *pb.ListOnDemandFeatureViewsRequest) (*pb.ListOnDemandFeatureViewsResponse, error) {
	page, about, err := list[*core.OnDemandFeatureView](ctx, s, onDemandViews, r, nil)
	return &pb.ListOnDemandFeatureViewsResponse{OnDemandFeatureViews: page, Pagination: about}, err
}

func (s *service) ListLabelViews(ctx context.Context, r *pb.ListLabelViewsRequest) (*pb.ListLabelViewsResponse, error) {
	page, about, err := list[*core.LabelView](ctx, s, labelViews, r, nil)
	return &pb.ListLabelViewsResponse{LabelViews: page, Pagination: about}, err
}

// ListAllFeatureViews lists the views of every kind but label views, as Feast
// does. A view has to pass all of the request's filters.
func (s *service) ListAllFeatureViews(ctx context.Context, r *pb.ListAllFeatureViewsRequest) (*pb.ListAllFeatureViewsResponse, error) {
	answer := &pb.ListAllFeatureViewsResponse{}
	err := s.read(ctx, func(v view) error {
		var all []proto.Message
		for _, k := range []kind{featureViews, streamViews, onDemandViews} {
			all = append(all, v.describable(k, r.GetProject())...)
		}
		service, _ := v.object(services, r.GetProject(), r.GetFeatureService()).(*core.FeatureService)
		if service != nil && v.access.check(r.GetProject(), service, permission.Describe) != nil {
			service = nil
		}
		wanted := func(m proto.Message) bool {
			return passes(m, r) && (r.GetFeatureService() == "" || service != nil && serves(service, nameOf(m)))
		}
		page, about := arrange(chosen(all, r.GetTags(), wanted), r.GetPagination(), r.GetSorting())
		for _, m := range page {
			answer.FeatureViews = append(answer.FeatureViews, wrapped(m))
		}
		answer.Pagination = about
		return nil
	})
	return answer, err
}

// passes reports whether a view passes the filters that look at it alone.
func passes(m proto.Message, r *pb.ListAllFeatureViewsRequest) bool {
	parts := partsOf(m)
	if since := r.GetUpdatedSince(); since != nil && (parts.updated == nil || parts.updated.AsTime().Before(since.AsTime())) {
		return false
	}
	hasFeature := func(f *core.FeatureSpecV2) bool { return f.GetName() == r.GetFeature() }
	hasName := func(s *core.DataSource) bool { return s.GetName() == r.GetDataSource() }
	return (r.GetEntity() == "" || slices.Contains(parts.entities, r.GetEntity())) &&
		(r.GetFeature() == "" || slices.ContainsFunc(parts.features, hasFeature)) &&
		(r.GetDataSource() == "" || slices.ContainsFunc(parts.sources, hasName))
}

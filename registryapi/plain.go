package registryapi

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// ApplyEntity, GetEntity, ListEntities and DeleteEntity are those of Feast.
func (s *service) ApplyEntity(ctx context.Context, r *pb.ApplyEntityRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, entities, r, r.GetEntity())
}

func (s *service) GetEntity(ctx context.Context, r *pb.GetEntityRequest) (*core.Entity, error) {
	return get[*core.Entity](ctx, s, entities, r.GetProject(), r.GetName())
}

func (s *service) ListEntities(ctx context.Context, r *pb.ListEntitiesRequest) (*pb.ListEntitiesResponse, error) {
	page, about, err := list[*core.Entity](ctx, s, entities, r, nil)
	return &pb.ListEntitiesResponse{Entities: page, Pagination: about}, err
}

func (s *service) DeleteEntity(ctx context.Context, r *pb.DeleteEntityRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, entities, r)
}

// ApplyDataSource, GetDataSource, ListDataSources and DeleteDataSource are those of Feast.
func (s *service) ApplyDataSource(ctx context.Context, r *pb.ApplyDataSourceRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, dataSources, r, r.GetDataSource())
}

func (s *service) GetDataSource(ctx context.Context, r *pb.GetDataSourceRequest) (*core.DataSource, error) {
	return get[*core.DataSource](ctx, s, dataSources, r.GetProject(), r.GetName())
}

func (s *service) ListDataSources(ctx context.Context, r *pb.ListDataSourcesRequest) (*pb.ListDataSourcesResponse, error) {
	page, about, err := list[*core.DataSource](ctx, s, dataSources, r, nil)
	return &pb.ListDataSourcesResponse{DataSources: page, Pagination: about}, err
}

func (s *service) DeleteDataSource(ctx context.Context, r *pb.DeleteDataSourceRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, dataSources, r)
}

// ApplySavedDataset, GetSavedDataset, ListSavedDatasets and DeleteSavedDataset are those of Feast.
func (s *service) ApplySavedDataset(ctx context.Context, r *pb.ApplySavedDatasetRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, savedDatasets, r, r.GetSavedDataset())
}

func (s *service) GetSavedDataset(ctx context.Context, r *pb.GetSavedDatasetRequest) (*core.SavedDataset, error) {
	return get[*core.SavedDataset](ctx, s, savedDatasets, r.GetProject(), r.GetName())
}

func (s *service) ListSavedDatasets(ctx context.Context, r *pb.ListSavedDatasetsRequest) (*pb.ListSavedDatasetsResponse, error) {
	wanted := func(m *core.SavedDataset) bool {
		return (r.GetNamespace() == "" || m.GetSpec().GetNamespace() == r.GetNamespace()) &&
			(r.GetCollection() == "" || m.GetSpec().GetCollection() == r.GetCollection())
	}
	page, about, err := list[*core.SavedDataset](ctx, s, savedDatasets, r, wanted)
	return &pb.ListSavedDatasetsResponse{SavedDatasets: page, Pagination: about}, err
}

func (s *service) DeleteSavedDataset(ctx context.Context, r *pb.DeleteSavedDatasetRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, savedDatasets, r)
}

// ApplyValidationReference, GetValidationReference, ListValidationReferences and DeleteValidationReference are those of Feast.
func (s *service) ApplyValidationReference(ctx context.Context, r *pb.ApplyValidationReferenceRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, validations, r, r.GetValidationReference())
}

func (s *service) GetValidationReference(ctx context.Context, r *pb.GetValidationReferenceRequest) (*core.ValidationReference, error) {
	return get[*core.ValidationReference](ctx, s, validations, r.GetProject(), r.GetName())
}

func (s *service) ListValidationReferences(ctx context.Context, r *pb.ListValidationReferencesRequest) (*pb.ListValidationReferencesResponse, error) {
	page, about, err := list[*core.ValidationReference](ctx, s, validations, r, nil)
	return &pb.ListValidationReferencesResponse{ValidationReferences: page, Pagination: about}, err
}

func (s *service) DeleteValidationReference(ctx context.Context, r *pb.DeleteValidationReferenceRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, validations, r)
}

// ApplyPermission, GetPermission, ListPermissions and DeletePermission are those of Feast.
func (s *service) ApplyPermission(ctx context.Context, r *pb.ApplyPermissionRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, permissions, r, r.GetPermission())
}

func (s *service) GetPermission(ctx context.Context, r *pb.GetPermissionRequest) (*core.Permission, error) {
	return get[*core.Permission](ctx, s, permissions, r.GetProject(), r.GetName())
}

func (s *service) ListPermissions(ctx context.Context, r *pb.ListPermissionsRequest) (*pb.ListPermissionsResponse, error) {
	page, about, err := list[*core.Permission](ctx, s, permissions, r, nil)
	return &pb.ListPermissionsResponse{Permissions: page, Pagination: about}, err
}

func (s *service) DeletePermission(ctx context.Context, r *pb.DeletePermissionRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, permissions, r)
}

// ApplyFeatureService, GetFeatureService, ListFeatureServices and DeleteFeatureService are those of Feast.
func (s *service) ApplyFeatureService(ctx context.Context, r *pb.ApplyFeatureServiceRequest) (*emptypb.Empty, error) {
	return apply(ctx, s, services, r, r.GetFeatureService())
}

func (s *service) GetFeatureService(ctx context.Context, r *pb.GetFeatureServiceRequest) (*core.FeatureService, error) {
	return get[*core.FeatureService](ctx, s, services, r.GetProject(), r.GetName())
}

func (s *service) ListFeatureServices(ctx context.Context, r *pb.ListFeatureServicesRequest) (*pb.ListFeatureServicesResponse, error) {
	wanted := func(m *core.FeatureService) bool { return r.GetFeatureView() == "" || serves(m, r.GetFeatureView()) }
	page, about, err := list[*core.FeatureService](ctx, s, services, r, wanted)
	return &pb.ListFeatureServicesResponse{FeatureServices: page, Pagination: about}, err
}

func (s *service) DeleteFeatureService(ctx context.Context, r *pb.DeleteFeatureServiceRequest) (*emptypb.Empty, error) {
	return remove(ctx, s, services, r)
}

// serves reports whether a service has features of a view.
func serves(m *core.FeatureService, view string) bool {
	return slices.ContainsFunc(m.GetSpec().GetFeatures(), func(p *core.FeatureViewProjection) bool { return p.GetFeatureViewName() == view })
}

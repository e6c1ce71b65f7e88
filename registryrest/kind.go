package registryrest

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
)

// kind is a kind of the registry's objects as its routes have it.
type kind struct {
	path   string // of its routes: "entities"
	noun   string // in what is said of them: "entities"
	plural string // of the list in an answer: "entities"
	one    string // of its schema in the document: "Entity"

	parameters []parameter // of its lists, beside those of all
	tagged     bool        // its lists can be asked for by tags
	remembered bool        // visits to one of them are kept
	list       func(*call, listing) ([]item, *pb.PaginationMetadata, error)
	get        func(c *call, project, name string) (proto.Message, error) // nil where no route has it
	remove     func(c *call, project, name string) error                  // nil where no route has it
	done       func(project, name string) object                          // what is told of a remove
}

// listing is what is asked of a list.
type listing struct {
	project string
	tags    map[string]string
	page    *pb.PaginationParams
	order   *pb.SortingParams
}

// Parameters of lists of one kind.
var (
	entityOf     = parameter{name: "entity", about: "Views of this entity."}
	featureOf    = parameter{name: "feature", about: "Views that have a feature of this name."}
	serviceOf    = parameter{name: "feature_service", about: "Views that this feature service uses."}
	sourceOf     = parameter{name: "data_source", about: "Views that read this data source."}
	viewOf       = parameter{name: "feature_view", about: "Those of this feature view."}
	nameOf       = parameter{name: "name", about: "Those of this name."}
	updatedSince = parameter{name: "updated_since", about: "Views updated at this time or later: 2024-01-01T00:00:00Z."}
	namespaceOf  = parameter{name: "namespace", about: "Datasets of this namespace."}
	collectionOf = parameter{name: "collection", about: "Datasets of this collection."}
)

var (
	entities = kind{path: "entities", noun: "entities", plural: "entities", one: "Entity", tagged: true, remembered: true,
		list: listEntities, get: getEntity, remove: removeEntity, done: deleted}
	sources = kind{path: "data_sources", noun: "data sources", plural: "dataSources", one: "DataSource", tagged: true, remembered: true,
		list: listSources, get: getSource, remove: removeSource, done: deleted}
	views = kind{path: "feature_views", noun: "feature views", plural: "featureViews", one: "FeatureView", tagged: true, remembered: true,
		parameters: []parameter{entityOf, featureOf, serviceOf, sourceOf, updatedSince},
		list:       listViews, get: getView, remove: removeView, done: deleted}
	labelViews = kind{path: "label_views", noun: "label views", plural: "featureViews", one: "LabelView", tagged: true,
		list: listLabelViews, get: getLabelView}
	features = kind{path: "features", noun: "features", plural: "features", one: "Feature", parameters: []parameter{viewOf, nameOf},
		list: func(c *call, l listing) ([]item, *pb.PaginationMetadata, error) { return listFeatures(c, l, "feature") }}
	labels = kind{path: "labels", noun: "labels", plural: "labels", one: "Feature", parameters: []parameter{viewOf, nameOf},
		list: func(c *call, l listing) ([]item, *pb.PaginationMetadata, error) { return listFeatures(c, l, "label") }}
	services = kind{path: "feature_services", noun: "feature services", plural: "featureServices", one: "FeatureService", tagged: true, remembered: true,
		parameters: []parameter{viewOf},
		list:       listServices, get: getService, remove: removeService, done: deleted}
	datasets = kind{path: "saved_datasets", noun: "saved datasets", plural: "savedDatasets", one: "SavedDataset", tagged: true, remembered: true,
		parameters: []parameter{namespaceOf, collectionOf},
		list:       listDatasets, get: getDataset, remove: removeDataset, done: gone}
	permissions = kind{path: "permissions", noun: "permissions", plural: "permissions", one: "Permission", tagged: true,
		list: listPermissions, get: getPermission, remove: removePermission, done: deleted}
)

// itemsOf makes items of messages.
func itemsOf[M proto.Message](messages []M) []item {
	items := make([]item, len(messages))
	for i, m := range messages {
		items[i] = item{message: m}
	}
	return items
}

func listEntities(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListEntities(c.ctx, &pb.ListEntitiesRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	return itemsOf(r.GetEntities()), r.GetPagination(), err
}

func listSources(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListDataSources(c.ctx, &pb.ListDataSourcesRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	return itemsOf(r.GetDataSources()), r.GetPagination(), err
}

func listServices(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListFeatureServices(c.ctx, &pb.ListFeatureServicesRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order,
		FeatureView: c.values.text("feature_view")})
	return itemsOf(r.GetFeatureServices()), r.GetPagination(), err
}

func listPermissions(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListPermissions(c.ctx, &pb.ListPermissionsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	return itemsOf(r.GetPermissions()), r.GetPagination(), err
}

func listFeatures(c *call, l listing, kind string) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListFeatures(c.ctx, &pb.ListFeaturesRequest{Project: l.project, Pagination: l.page, Sorting: l.order, Kind: kind,
		FeatureView: c.values.text("feature_view"), Name: c.values.text("name")})
	return itemsOf(r.GetFeatures()), r.GetPagination(), err
}

func listLabelViews(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListLabelViews(c.ctx, &pb.ListLabelViewsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	items := itemsOf(r.GetLabelViews())
	for i := range items {
		items[i] = viewItem(items[i].message)
	}
	return items, r.GetPagination(), err
}

func listViews(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	request := &pb.ListAllFeatureViewsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order, Entity: c.values.text("entity"),
		Feature: c.values.text("feature"), FeatureService: c.values.text("feature_service"), DataSource: c.values.text("data_source")}
	if text := c.values.text("updated_since"); text != "" {
		at, ok := asof.ParseTime(text)
		if !ok {
			return nil, nil, refused(400, "updated_since is %q; it has to be a time like 2024-01-01T00:00:00Z", text)
		}
		request.UpdatedSince = timestamppb.New(at.Truncate(time.Microsecond))
	}
	r, err := c.registry.ListAllFeatureViews(c.ctx, request)
	items := make([]item, len(r.GetFeatureViews()))
	for i, view := range r.GetFeatureViews() {
		items[i] = viewItem(unwrapped(view))
	}
	return items, r.GetPagination(), err
}

// unwrapped returns the view of whichever kind.
func unwrapped(view *pb.AnyFeatureView) proto.Message {
	switch v := view.GetAnyFeatureView().(type) {
	case *pb.AnyFeatureView_FeatureView:
		return v.FeatureView
	case *pb.AnyFeatureView_StreamFeatureView:
		return v.StreamFeatureView
	case *pb.AnyFeatureView_OnDemandFeatureView:
		return v.OnDemandFeatureView
	case *pb.AnyFeatureView_LabelView:
		return v.LabelView
	}
	return nil
}

// viewItem tells of a view which kind it is.
func viewItem(m proto.Message) item {
	return item{message: m, added: object{{"type", viewType(m)}}}
}

func viewType(m proto.Message) string {
	switch m.(type) {
	case *core.StreamFeatureView:
		return "streamFeatureView"
	case *core.OnDemandFeatureView:
		return "onDemandFeatureView"
	case *core.LabelView:
		return "labelView"
	}
	return "featureView"
}

// name returns the name of an item's object.
func (i item) name() string {
	if f, ok := i.message.(*pb.Feature); ok {
		return f.GetName()
	}
	return feastregistry.Name(i.message)
}

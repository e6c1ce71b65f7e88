package registryapi

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
)

// kind is one list of the registry message, and how Feast says that an object
// is not in it.
type kind struct {
	field   string
	of      asof.Kind
	missing string // the class of the error
	noun    string // in its text
}

var (
	projects      = kind{"projects", asof.KindProject, "ProjectObjectNotFoundException", "Project"}
	entities      = kind{"entities", asof.KindEntity, "EntityNotFoundException", "Entity"}
	dataSources   = kind{"data_sources", asof.KindDataSource, "DataSourceObjectNotFoundException", "Data source"}
	featureViews  = kind{"feature_views", asof.KindFeatureView, "FeatureViewNotFoundException", "Feature view"}
	streamViews   = kind{"stream_feature_views", asof.KindFeatureView, "FeatureViewNotFoundException", "Feature view"}
	onDemandViews = kind{"on_demand_feature_views", asof.KindOnDemandView, "FeatureViewNotFoundException", "Feature view"}
	labelViews    = kind{"label_views", asof.KindLabelView, "FeatureViewNotFoundException", "Feature view"}
	services      = kind{"feature_services", asof.KindService, "FeatureServiceNotFoundException", "Feature service"}
	savedDatasets = kind{"saved_datasets", asof.KindSavedDataset, "SavedDatasetNotFound", "Saved dataset"}
	validations   = kind{"validation_references", asof.KindValidationRef, "ValidationReferenceNotFound", "Validation reference"}
	permissions   = kind{"permissions", asof.KindPermission, "PermissionObjectNotFoundException", "Permission"}
)

// kinds are all of them.
var kinds = []kind{projects, entities, dataSources, featureViews, streamViews, onDemandViews, labelViews, services, savedDatasets, validations, permissions}

// anyView are the kinds that share one space of names, in Feast's order.
var anyView = []kind{featureViews, streamViews, onDemandViews, labelViews}

// notFound says in Feast's words that an object is not there.
func (k kind) notFound(project, name string) error {
	if k == projects || project == "" && k != savedDatasets && k != validations {
		return feastError(codes.NotFound, k.missing, "%s %s does not exist", k.noun, name)
	}
	return feastError(codes.NotFound, k.missing, "%s %s does not exist in project %s", k.noun, name, project)
}

// tagsOf returns the tags of an object's message.
func tagsOf(m proto.Message) protoreflect.Map {
	at := m.ProtoReflect()
	if spec := at.Descriptor().Fields().ByName("spec"); spec != nil {
		at = at.Get(spec).Message()
	}
	return at.Get(at.Descriptor().Fields().ByName("tags")).Map()
}

// hasTags reports whether an object has all of the tags.
func hasTags(m proto.Message, tags map[string]string) bool {
	if len(tags) == 0 {
		return true
	}
	has := tagsOf(m)
	for name, want := range tags {
		at := protoreflect.ValueOfString(name).MapKey()
		if !has.Has(at) || has.Get(at).String() != want {
			return false
		}
	}
	return true
}

package registryrest

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastpb/types"
)

// applyRoutes put objects into the registry.
func applyRoutes() []route {
	put := func(k kind, body any, answer func(*call) (any, error)) route {
		return route{method: http.MethodPost, path: "/" + k.path, summary: "Put one of the " + k.noun, body: body, status: http.StatusCreated, reply: refTo("Done"), answer: answer}
	}
	return []route{put(entities, entityBody{}, applyEntity), put(sources, sourceBody{}, applySource), put(views, viewBody{}, applyView),
		put(services, serviceBody{}, applyService), put(permissions, permissionBody{}, applyPermission)}
}

type entityBody struct {
	Name        string            `json:"name" need:"true"`
	Project     string            `json:"project" need:"true"`
	JoinKey     string            `json:"join_key" about:"The name where it is left out."`
	ValueType   int32             `json:"value_type" about:"A number of Feast's ValueType; 2, a string, where it is left out."`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Owner       string            `json:"owner"`
}

func applyEntity(c *call) (any, error) {
	b := entityBody{ValueType: int32(types.ValueType_STRING)}
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if b.JoinKey == "" {
		b.JoinKey = b.Name
	}
	typ, err := valueType("value_type", b.ValueType)
	if err != nil {
		return nil, err
	}
	spec := &core.EntitySpecV2{Name: b.Name, JoinKey: b.JoinKey, ValueType: typ, Description: b.Description, Tags: b.Tags, Owner: b.Owner}
	_, err = c.registry.ApplyEntity(c.ctx, &pb.ApplyEntityRequest{Project: b.Project, Commit: true, Entity: &core.Entity{Spec: spec}})
	return applied(b.Project, b.Name), err
}

func valueType(at string, number int32) (types.ValueType_Enum, error) {
	if _, known := types.ValueType_Enum_name[number]; !known {
		return 0, malformed("%s is %d, which is no number of Feast's ValueType", at, number)
	}
	return types.ValueType_Enum(number), nil
}

type viewBody struct {
	Name        string            `json:"name" need:"true"`
	Project     string            `json:"project" need:"true"`
	Entities    []string          `json:"entities" about:"Names of registered entities."`
	Features    []featureBody     `json:"features"`
	Source      string            `json:"batch_source" about:"The name of a registered data source."`
	TTL         *int64            `json:"ttl_seconds" about:"No limit where it is left out."`
	Online      bool              `json:"online" about:"true where it is left out."`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Owner       string            `json:"owner"`
}

// longest is the greatest ttl in seconds: 292 years.
const longest = math.MaxInt64 / int64(time.Second)

type featureBody struct {
	Name        string `json:"name" need:"true"`
	ValueType   *int32 `json:"value_type" about:"A number of Feast's ValueType; 2, a string, where it is left out."`
	Description string `json:"description"`
}

// applyView puts a plain view. Its source and the types of its join keys are
// those that are registered.
func applyView(c *call) (any, error) {
	b := viewBody{Online: true}
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	spec := &core.FeatureViewSpec{Name: b.Name, Entities: b.Entities, Online: b.Online, Description: b.Description, Tags: b.Tags, Owner: b.Owner}
	if b.TTL != nil {
		if *b.TTL < 0 || *b.TTL > longest {
			return nil, malformed("ttl_seconds is %d; it has to be a number from 0 to %d", *b.TTL, longest)
		}
		spec.Ttl = &durationpb.Duration{Seconds: *b.TTL}
	}
	for n, f := range b.Features {
		at := fmt.Sprintf("features[%d]", n)
		number := int32(types.ValueType_STRING)
		if f.ValueType != nil {
			number = *f.ValueType
		}
		typ, err := valueType(at+".value_type", number)
		if err != nil {
			return nil, err
		}
		if f.Name == "" {
			return nil, malformed("%s of the body has no name", at)
		}
		spec.Features = append(spec.Features, &core.FeatureSpecV2{Name: f.Name, ValueType: typ, Description: f.Description})
	}
	if b.Source != "" {
		source, err := c.registry.GetDataSource(c.ctx, &pb.GetDataSourceRequest{Project: b.Project, Name: b.Source})
		if err != nil {
			return nil, err
		}
		spec.BatchSource = source
	}
	for _, name := range b.Entities {
		e, err := c.registry.GetEntity(c.ctx, &pb.GetEntityRequest{Project: b.Project, Name: name})
		if err != nil {
			return nil, err
		}
		spec.EntityColumns = append(spec.EntityColumns, &core.FeatureSpecV2{Name: e.GetSpec().GetJoinKey(), ValueType: e.GetSpec().GetValueType()})
	}
	_, err := c.registry.ApplyFeatureView(c.ctx, &pb.ApplyFeatureViewRequest{Project: b.Project, Commit: true,
		BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: &core.FeatureView{Spec: spec}}})
	return applied(b.Project, b.Name), err
}

type serviceBody struct {
	Name        string            `json:"name" need:"true"`
	Project     string            `json:"project" need:"true"`
	Features    []projectionBody  `json:"features" need:"true"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Owner       string            `json:"owner"`
}

type projectionBody struct {
	View     string   `json:"feature_view_name" need:"true"`
	Features []string `json:"feature_names" about:"All of the view's where it is left out."`
}

func applyService(c *call) (any, error) {
	var b serviceBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	spec := &core.FeatureServiceSpec{Name: b.Name, Description: b.Description, Tags: b.Tags, Owner: b.Owner}
	for _, p := range b.Features {
		view, err := getView(c, b.Project, p.View)
		if err != nil {
			return nil, err
		}
		columns, err := chosen(p, fieldsOf(view))
		if err != nil {
			return nil, err
		}
		spec.Features = append(spec.Features, &core.FeatureViewProjection{FeatureViewName: p.View, FeatureColumns: columns})
	}
	_, err := c.registry.ApplyFeatureService(c.ctx, &pb.ApplyFeatureServiceRequest{Project: b.Project, Commit: true, FeatureService: &core.FeatureService{Spec: spec}})
	return applied(b.Project, b.Name), err
}

// chosen returns the features of a view that a projection names, all where it
// names none.
func chosen(p projectionBody, all []*core.FeatureSpecV2) ([]*core.FeatureSpecV2, error) {
	if len(p.Features) == 0 {
		return all, nil
	}
	var list []*core.FeatureSpecV2
	for _, name := range p.Features {
		at := slices.IndexFunc(all, func(f *core.FeatureSpecV2) bool { return f.GetName() == name })
		if at < 0 {
			return nil, &failure{http.StatusNotFound, fmt.Sprintf("feature view %s has no feature %s", p.View, name), classNotFound}
		}
		list = append(list, all[at])
	}
	return list, nil
}

// fieldsOf returns the features of a view, of whichever kind.
func fieldsOf(view proto.Message) []*core.FeatureSpecV2 {
	switch v := view.(type) {
	case *core.FeatureView:
		return v.GetSpec().GetFeatures()
	case *core.StreamFeatureView:
		return v.GetSpec().GetFeatures()
	case *core.OnDemandFeatureView:
		return v.GetSpec().GetFeatures()
	case *core.LabelView:
		return v.GetSpec().GetFeatures()
	}
	return nil
}

// keysOf returns the join keys of a view, of whichever kind.
func keysOf(view proto.Message) []string {
	spec := view.ProtoReflect()
	spec = spec.Get(spec.Descriptor().Fields().ByName("spec")).Message()
	columns := spec.Get(spec.Descriptor().Fields().ByName("entity_columns")).List()
	keys := make([]string, columns.Len())
	for i := range keys {
		keys[i] = columns.Get(i).Message().Interface().(*core.FeatureSpecV2).GetName()
	}
	return keys
}

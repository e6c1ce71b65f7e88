package definition

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

var anyView = []string{"BaseFeatureView"}

// entityClasses are entities, fields and projects.
var entityClasses = []*class{
	{name: "Entity", modules: []string{"feast.entity"}, build: newEntity,
		params: params("name:text! join_keys:texts value_type:value description:text tags:tags owner:text")},
	{name: "Field", modules: []string{"feast.field"}, build: newField,
		params: params("name:text! dtype:type! description:text tags:tags vector_index:bool vector_length:int vector_search_metric:text")},
	{name: "Project", modules: []string{"feast.project"}, build: newProject,
		params: params("name:text! description:text tags:tags owner:text created_timestamp:time last_updated_timestamp:time")},
}

// viewClasses are the feature views that are read from a source.
var viewClasses = []*class{
	{name: "FeatureView", bases: anyView, modules: []string{"feast.feature_view"}, build: newView(asof.ViewPlain),
		params: params("name:text! source:sources sink_source:source schema:fields entities:entities ttl:duration online:bool offline:bool description:text tags:tags owner:text org:text mode:mode enable_validation:bool version:text enabled:bool")},
	{name: "BatchFeatureView", bases: append(anyView, "FeatureView"), modules: []string{"feast.batch_feature_view"}, build: newView(asof.ViewBatch),
		params: params("name:text! mode:mode source:sources sink_source:source entities:entities ttl:duration tags:tags online:bool offline:bool description:text owner:text org:text schema:fields udf:function udf_string:text feature_transformation:any batch_engine:dict aggregations:aggregations enable_validation:bool version:text")},
	{name: "StreamFeatureView", bases: append(anyView, "FeatureView"), modules: []string{"feast.stream_feature_view"}, build: newView(asof.ViewStream),
		params: params("name:text! source:sources! sink_source:source entities:entities ttl:duration tags:tags online:bool offline:bool description:text owner:text org:text schema:fields aggregations:aggregations mode:mode timestamp_field:text udf:function udf_string:text feature_transformation:any stream_engine:dict enable_tiling:bool tiling_hop_size:duration enable_validation:bool version:text")},
	{name: "Aggregation", modules: []string{"feast.aggregation"}, positional: 5, build: newAggregation,
		params: params("column:text function:text time_window:duration slide_interval:duration name:text")},
	{name: "batch_feature_view", modules: []string{"-feast.batch_feature_view"}, build: viewDecorator("BatchFeatureView"),
		params: params("name:text mode:mode entities:entities source:sources tags:tags online:bool offline:bool description:text owner:text org:text schema:fields ttl:duration batch_engine:dict aggregations:aggregations sink_source:source enable_validation:bool version:text")},
	{name: "stream_feature_view", modules: []string{"-feast.stream_feature_view"}, build: viewDecorator("StreamFeatureView"),
		params: params("schema:fields entities:entities ttl:duration online:bool offline:bool description:text tags:tags owner:text org:text aggregations:aggregations mode:mode source:sources! sink_source:source timestamp_field:text stream_engine:dict enable_tiling:bool tiling_hop_size:duration enable_validation:bool version:text name:text")},
}

func newEntity(a *arguments) starlark.Value {
	e := &asof.Entity{Name: a.text("name"), JoinKey: a.text("name"), Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"), Meta: a.meta()}
	keys := a.list("join_keys")
	if len(keys) > 1 {
		a.problem("join_keys", "entity %s has %d join keys; an entity has one: make an entity of each, and give a view both", e.Name, len(keys))
	}
	if len(keys) == 1 {
		e.JoinKey = python.Text(keys[0])
	}
	if e.Name == "" {
		a.problem("name", "an entity needs a name")
	}
	if m, ok := a.values["value_type"].(member); ok {
		e.ValueType = m.value.(typeValue).of.Value
	}
	o := a.made(e)
	o.attrs["join_key"] = starlark.String(e.JoinKey)
	return o
}

func newField(a *arguments) starlark.Value {
	f := asof.Field{
		Name: a.text("name"), Type: a.values["dtype"].(typeValue).of, Description: a.text("description"), Tags: a.texts("tags"),
		VectorIndex: a.bool("vector_index", false), VectorLength: int32(a.int("vector_length")), VectorMetric: a.text("vector_search_metric"),
	}
	if f.Name == "" {
		a.problem("name", "a field needs a name")
	}
	return a.made(f)
}

func newProject(a *arguments) starlark.Value {
	return a.made(&asof.Project{Name: a.text("name"), Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"), Meta: a.meta()})
}

func newAggregation(a *arguments) starlark.Value {
	window := a.duration("time_window")
	return a.made(asof.Aggregation{Column: a.text("column"), Function: a.text("function"), Name: a.text("name"),
		Window: window, Slide: cmp.Or(a.duration("slide_interval"), window)})
}

// fields are the fields of a schema, in its order; a name twice is a mistake.
func (a *arguments) fields(name string) []asof.Field {
	var all []asof.Field
	for _, v := range a.list(name) {
		f := v.(*object).noun.(asof.Field)
		if slices.ContainsFunc(all, func(g asof.Field) bool { return g.Name == f.Name }) {
			a.problemAt(v.(*object).place, "%s %s has the field %q twice", a.name, a.text("name"), f.Name)
			continue
		}
		all = append(all, f)
	}
	return all
}

// entities are those of a view, with their join keys.
func (a *arguments) entities() (names, keys []string, all []*asof.Entity) {
	for _, v := range a.list("entities") {
		e := v.(*object).noun.(*asof.Entity)
		if slices.Contains(keys, e.JoinKey) {
			a.problem("entities", "%s %s has two entities with the join key %q", a.name, a.text("name"), e.JoinKey)
			continue
		}
		names, keys, all = append(names, e.Name), append(keys, e.JoinKey), append(all, e)
	}
	return names, keys, all
}

// schema splits the fields of a view into join keys and features, and holds the
// join keys' types against those of the entities.
func (a *arguments) schema(keys []string, entities []*asof.Entity) (columns, features []asof.Field) {
	vectors := 0
	for i, f := range a.fields("schema") {
		at := slices.Index(keys, f.Name)
		if at < 0 {
			features = append(features, f)
			if f.VectorIndex {
				vectors++
			}
			continue
		}
		columns = append(columns, f)
		if e := entities[at]; e.ValueType != asof.TypeInvalid && !f.Type.Equal(asof.Scalar(e.ValueType)) {
			a.problemAt(a.list("schema")[i].(*object).place, "the join key %q is %s here and %s in entity %s; write the same type in both",
				f.Name, f.Type, asof.Scalar(e.ValueType), e.Name)
		}
	}
	if vectors > 1 {
		a.problem("schema", "%s %s has %d fields with vector_index=True; one is allowed", a.name, a.text("name"), vectors)
	}
	return columns, features
}

// newView builds a feature view of a kind, with the defaults of its class.
func newView(kind asof.ViewKind) func(*arguments) starlark.Value {
	return func(a *arguments) starlark.Value {
		names, keys, entities := a.entities()
		columns, features := a.schema(keys, entities)
		v := &asof.FeatureView{
			Name: a.text("name"), Kind: kind, Entities: names, EntityColumns: columns, Features: features, TTL: a.ttl(kind),
			Online: a.bool("online", kind != asof.ViewBatch), Offline: a.bool("offline", false), Enabled: a.bool("enabled", true),
			Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"), Org: a.text("org"),
			Mode: a.mode(kind), Version: a.version(), Aggregations: a.aggregations(), Validate: a.bool("enable_validation", false),
			TimestampField: a.text("timestamp_field"), Tiling: a.bool("enable_tiling", false), TilingHop: a.duration("tiling_hop_size"),
			Meta: a.meta(),
		}
		if v.Name == "" {
			a.problem("name", "a feature view needs a name")
		}
		v.Function = a.function("udf", v.Mode)
		if a.has("feature_transformation") {
			a.problem("feature_transformation", "feature_transformation cannot be read without Python; give the function by udf=, or run with --python")
		}
		a.viewSource(v)
		a.mapped(v)
		a.loader.joinKeys[v] = keys
		o := a.view(v, entities, features)
		o.attrs["online"], o.attrs["offline"], o.attrs["enabled"] = starlark.Bool(v.Online), starlark.Bool(v.Offline), starlark.Bool(v.Enabled)
		if v.TTL != nil {
			o.attrs["ttl"] = python.Timedelta(*v.TTL)
		}
		o.attrs["batch_source"], o.attrs["stream_source"] = o.attrs["source"], starlark.None
		if v.Stream != nil {
			source := a.object("source")
			o.attrs["batch_source"], o.attrs["stream_source"] = source.attrs["batch_source"], source
		}
		return o
	}
}

// ttl is the view's; plain and stream views have 0 where it is left out.
func (a *arguments) ttl(kind asof.ViewKind) *time.Duration {
	v, given := a.values["ttl"]
	if v == starlark.None || !given && kind == asof.ViewBatch {
		return nil
	}
	d := a.duration("ttl")
	return &d
}

func (a *arguments) mode(kind asof.ViewKind) string {
	switch m := a.values["mode"].(type) {
	case member:
		return python.Text(m.value)
	case starlark.String:
		return string(m)
	}
	if kind == asof.ViewPlain {
		return ""
	}
	return "python"
}

func (a *arguments) version() string {
	if !a.has("version") {
		return "latest"
	}
	return a.text("version")
}

func (a *arguments) aggregations() []asof.Aggregation {
	var all []asof.Aggregation
	for _, v := range a.list("aggregations") {
		all = append(all, v.(*object).noun.(asof.Aggregation))
	}
	return all
}

// viewSource sorts the source that was given: a table, a stream with its table,
// or other views.
func (a *arguments) viewSource(v *asof.FeatureView) {
	given := a.values["source"]
	if o := a.object("source"); o != nil && o.is("DataSource") {
		s := o.noun.(*asof.DataSource)
		switch s.Kind {
		case asof.SourcePush, asof.SourceKafka, asof.SourceKinesis:
			v.Stream, v.Source = s, s.Batch
			if s.Batch == nil {
				a.problem("source", "source %q of view %q has no history to train on: give it batch_source=", s.Name, v.Name)
			}
		case asof.SourceRequest:
			a.problem("source", "a request source holds no features: view %q needs a table or a file, or is an on_demand_feature_view", v.Name)
		default:
			v.Source = s
			if v.Kind == asof.ViewStream && s.Kind != asof.SourcePostgres && s.Kind != asof.SourceOther {
				a.problem("source", "a StreamFeatureView needs a PushSource, KafkaSource or KinesisSource, not a %s", o.class)
			}
		}
		return
	}
	views := elements(given)
	if o := a.object("source"); o != nil {
		views = []starlark.Value{o}
	}
	for _, x := range views {
		v.SourceViews = append(v.SourceViews, python.Text(x.(*object).attrs["name"]))
	}
	sink := a.object("sink_source")
	if len(v.SourceViews) > 0 && sink == nil {
		a.problem("source", "view %q is computed from other views: name where its rows go by sink_source=", v.Name)
	}
	if sink != nil {
		v.Source = sink.noun.(*asof.DataSource)
	}
}

// mapped checks that no field bears the name of a column that the source maps
// to another one.
func (a *arguments) mapped(v *asof.FeatureView) {
	if v.Source == nil {
		return
	}
	for _, x := range a.list("schema") {
		name := x.(*object).noun.(asof.Field).Name
		if to, ok := v.Source.FieldMapping[name]; ok {
			a.problemAt(x.(*object).place, "column %q is mapped to %q by source %q: name the field %q, or take it out of field_mapping", name, to, v.Source.Name, to)
		}
	}
}

// view is the value of a view, with a projection on all of its features. Its
// attributes tell join keys and features apart, and name the entities.
func (a *arguments) view(noun any, entities []*asof.Entity, features []asof.Field) *object {
	o := a.made(noun)
	o.projection = asof.Projection{View: a.text("name"), Features: features, VersionTag: versionTag(a.version())}
	o.entities = entities
	var names, columns, keys, others []starlark.Value
	for _, e := range entities {
		names = append(names, starlark.String(e.Name))
	}
	for _, x := range a.list("schema") {
		name := x.(*object).noun.(asof.Field).Name
		if slices.ContainsFunc(entities, func(e *asof.Entity) bool { return e.JoinKey == name }) {
			columns, keys = append(columns, x), append(keys, starlark.String(name))
		} else {
			others = append(others, x)
		}
	}
	for name, values := range map[string][]starlark.Value{"entities": names, "entity_columns": columns, "join_keys": keys, "features": others} {
		o.attrs[name] = starlark.NewList(values)
	}
	a.loader.built = append(a.loader.built, o)
	return o
}

// versionTag is the number of a pinned version ("v2", "version3"), nil for the
// latest.
func versionTag(version string) *int32 {
	digits := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(version), "version"), "v")
	n := int32(0)
	for _, c := range digits {
		if c < '0' || c > '9' || n > 1e6 {
			return nil
		}
		n = n*10 + c - '0'
	}
	if digits == "" {
		return nil
	}
	return &n
}

// viewDecorator builds a view whose udf is the function that it decorates.
func viewDecorator(className string) func(*arguments) starlark.Value {
	return func(a *arguments) starlark.Value {
		return decorator(a, func(b *arguments, f starlark.Value) starlark.Value {
			b.values["udf"] = f
			if !b.has("name") {
				b.values["name"] = starlark.String(f.(*python.Function).Name())
			}
			b.class = a.loader.class(className)
			return b.class.build(b)
		})
	}
}

// decorator makes a function that takes the decorated function and builds from
// the arguments of the decorator's call.
func decorator(a *arguments, build func(*arguments, starlark.Value) starlark.Value) starlark.Value {
	return starlark.NewBuiltin(a.name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) != 1 {
			return python.Unknown, nil
		}
		if _, ok := args[0].(*python.Function); !ok {
			a.problemAt(a.site.Place, "%s decorates a function, not %s", a.name, describe(args[0]))
			return python.Unknown, nil
		}
		v := build(a, args[0])
		if a.wrong {
			return python.Unknown, nil
		}
		return v, nil
	})
}

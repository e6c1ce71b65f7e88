package registryrest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastpb/types"
)

// definition returns Python that defines an object, for people to read and to
// start from; "" for what Feast shows none of. Other objects stand in it as
// variables, which the reader defines.
func definition(m proto.Message) string {
	p := &python{imports: map[string][]string{}}
	switch m := m.(type) {
	case *core.Entity:
		p.entity(m.GetSpec())
	case *core.DataSource:
		p.source(m)
	case *core.FeatureView:
		p.view("FeatureView", m.GetSpec(), origin(m.GetSpec())...)
	case *core.StreamFeatureView:
		p.view("StreamFeatureView", m.GetSpec(), argument{"source", variable(m.GetSpec().GetStreamSource().GetName())})
	case *core.LabelView:
		p.view("LabelView", m.GetSpec(), argument{"source", variable(m.GetSpec().GetSource().GetName())}, argument{"labeler_field", quoted(m.GetSpec().GetLabelerField())})
	case *core.OnDemandFeatureView:
		p.onDemand(m.GetSpec())
	case *core.FeatureService:
		s := m.GetSpec()
		p.call("feast", "FeatureService", s.GetName(), append([]argument{{"features", list(projections(s.GetFeatures())...)}}, particulars(s.GetDescription(), s.GetTags(), s.GetOwner())...)...)
	case *core.SavedDataset:
		p.dataset(m.GetSpec())
	case *pb.Feature:
		dtype := fieldName.ReplaceAllString(m.GetType(), `"$1": `)
		p.use("feast.types", dtype)
		p.call("feast", "Field", m.GetName(), append([]argument{{"dtype", dtype}}, particulars(m.GetDescription(), m.GetTags(), "")...)...)
	default:
		return ""
	}
	return p.text()
}

// fieldName is the name of a struct's field in the text of a type.
var fieldName = regexp.MustCompile(`([^{}, ]+): `)

// origin is what a view is made of: a data source, or other views and the data
// source that what is made of them goes to.
func origin(s *core.FeatureViewSpec) []argument {
	source := variable(s.GetBatchSource().GetName())
	if len(s.GetSourceViews()) == 0 {
		return []argument{{"source", source}}
	}
	var views []string
	for _, v := range s.GetSourceViews() {
		views = append(views, variable(v.GetName()))
	}
	return []argument{{"source", list(views...)}, {"sink_source", source}}
}

func (p *python) entity(s *core.EntitySpecV2) {
	arguments := []argument{{"join_keys", list(quote(s.GetJoinKey()))}}
	if s.GetValueType() != types.ValueType_INVALID {
		p.use("feast", "ValueType")
		arguments = append(arguments, argument{"value_type", "ValueType." + s.GetValueType().String()})
	}
	p.call("feast", "Entity", s.GetName(), append(arguments, particulars(s.GetDescription(), s.GetTags(), s.GetOwner())...)...)
}

// viewSpec is what the specs of views have in common.
type viewSpec interface {
	GetName() string
	GetEntities() []string
	GetFeatures() []*core.FeatureSpecV2
	GetTags() map[string]string
	GetTtl() *durationpb.Duration
	GetOnline() bool
	GetDescription() string
	GetOwner() string
}

func (p *python) view(class string, s viewSpec, more ...argument) {
	var entities []string
	for _, name := range s.GetEntities() {
		if name != asof.DummyEntity {
			entities = append(entities, variable(name))
		}
	}
	arguments := append([]argument{{"entities", list(entities...)}}, more...)
	if ttl := s.GetTtl().AsDuration(); ttl != 0 {
		p.use("datetime", "timedelta")
		arguments = append(arguments, argument{"ttl", "timedelta(seconds=" + strconv.FormatFloat(ttl.Seconds(), 'f', -1, 64) + ")"})
	}
	online := "False"
	if s.GetOnline() {
		online = "True"
	}
	arguments = append(arguments, p.schema(feastconv.Fields(s.GetFeatures())), argument{"online", online})
	p.call("feast", class, s.GetName(), append(arguments, particulars(s.GetDescription(), s.GetTags(), s.GetOwner())...)...)
}

// usual are names that functions of on-demand views use without their own
// import, by the module that they mostly come from, "" for pandas itself.
var usual = map[string]string{"pd": "", "Any": "typing", "Dict": "typing", "List": "typing"}

// onDemand writes the view's function as the registry has it.
func (p *python) onDemand(s *core.OnDemandFeatureViewSpec) {
	var sources []string
	for _, name := range slices.Sorted(maps.Keys(s.GetSources())) {
		if projection := s.GetSources()[name].GetFeatureViewProjection(); projection != nil {
			sources = append(sources, projections([]*core.FeatureViewProjection{projection})...)
		} else {
			sources = append(sources, variable(name))
		}
	}
	p.use("feast.on_demand_feature_view", "on_demand_feature_view")
	p.body.WriteString("@on_demand_feature_view(\n")
	p.arguments(append([]argument{{"sources", list(sources...)}, p.schema(feastconv.Fields(s.GetFeatures())), {"mode", quoted(s.GetMode())}},
		particulars(s.GetDescription(), s.GetTags(), s.GetOwner())...))
	p.body.WriteString(")\n")
	function := s.GetFeatureTransformation().GetUserDefinedFunction().GetBodyText()
	if at := strings.Index(function, "def "); at >= 0 { // after decorators
		function = function[at:]
	}
	for _, name := range namesInType.FindAllString(function, -1) {
		if from, known := usual[name]; known {
			p.use(from, name)
		}
	}
	p.body.WriteString(strings.TrimRight(function, "\n") + "\n")
}

// projections are views with the features that are used of them.
func projections(all []*core.FeatureViewProjection) []string {
	out := make([]string, len(all))
	for i, p := range all {
		names := make([]string, len(p.GetFeatureColumns()))
		for n, f := range p.GetFeatureColumns() {
			names[n] = quote(f.GetName())
		}
		out[i] = variable(p.GetFeatureViewName()) + "[" + list(names...) + "]"
		if alias := p.GetFeatureViewNameAlias(); alias != "" {
			out[i] += ".with_name(" + quote(alias) + ")"
		}
		if keys := dictionary(p.GetJoinKeyMap()); keys != "" {
			out[i] += ".with_join_key_map(" + keys + ")"
		}
	}
	return out
}

func (p *python) dataset(s *core.SavedDatasetSpec) {
	arguments := []argument{{"features", list(quotes(s.GetFeatures())...)}, {"join_keys", list(quotes(s.GetJoinKeys())...)}}
	if path := s.GetStorage().GetFileStorage().GetUri(); path != "" {
		p.use("feast.infra.offline_stores.file_source", "SavedDatasetFileStorage")
		arguments = append(arguments, argument{"storage", "SavedDatasetFileStorage(path=" + quote(path) + ")"})
	}
	p.call("feast.saved_dataset", "SavedDataset", s.GetName(), append(arguments, argument{"tags", dictionary(s.GetTags())})...)
}

// classes are those of data sources whose message need not name them.
var classes = map[core.DataSource_SourceType]string{
	core.DataSource_BATCH_FILE: "FileSource", core.DataSource_BATCH_BIGQUERY: "BigQuerySource", core.DataSource_BATCH_SNOWFLAKE: "SnowflakeSource",
	core.DataSource_BATCH_REDSHIFT: "RedshiftSource", core.DataSource_STREAM_KAFKA: "KafkaSource", core.DataSource_STREAM_KINESIS: "KinesisSource",
	core.DataSource_PUSH_SOURCE: "PushSource", core.DataSource_REQUEST_SOURCE: "RequestSource",
}

// source writes a data source by its class, with its options.
func (p *python) source(m *core.DataSource) {
	module, class := "feast", classes[m.GetType()]
	if at := strings.LastIndexByte(m.GetDataSourceClassType(), '.'); class == "" && at >= 0 {
		module, class = m.GetDataSourceClassType()[:at], m.GetDataSourceClassType()[at+1:]
	}
	if class == "" {
		class = "DataSource"
	}
	arguments := p.options(m)
	if batch := m.GetBatchSource(); batch != nil {
		arguments = append(arguments, argument{"batch_source", variable(batch.GetName())})
	}
	if m.GetType() != core.DataSource_PUSH_SOURCE { // it has those of its batch source
		arguments = append(arguments, argument{"timestamp_field", quoted(m.GetTimestampField())}, argument{"created_timestamp_column", quoted(m.GetCreatedTimestampColumn())},
			argument{"field_mapping", dictionary(m.GetFieldMapping())})
	}
	p.call(module, class, m.GetName(), append(arguments, particulars(m.GetDescription(), m.GetTags(), m.GetOwner())...)...)
}

// options are what a source reads.
func (p *python) options(m *core.DataSource) []argument {
	switch o := m.GetOptions().(type) {
	case *core.DataSource_FileOptions_:
		return []argument{{"path", quote(o.FileOptions.GetUri())}, {"s3_endpoint_override", quoted(o.FileOptions.GetS3EndpointOverride())}}
	case *core.DataSource_RequestDataOptions_:
		return []argument{p.schema(feastconv.Fields(o.RequestDataOptions.GetSchema()))}
	case *core.DataSource_CustomOptions:
		var options struct{ Table, Query string }
		_ = json.Unmarshal(o.CustomOptions.GetConfiguration(), &options) // another class has other options
		return []argument{{"table", quoted(options.Table)}, {"query", quoted(options.Query)}}
	}
	which := m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("options"))
	if which == nil {
		return nil
	}
	var arguments []argument
	options := m.ProtoReflect().Get(which).Message()
	for i := range options.Descriptor().Fields().Len() {
		f := options.Descriptor().Fields().Get(i)
		if f.Kind() == protoreflect.StringKind {
			arguments = append(arguments, argument{string(f.Name()), quoted(options.Get(f).String())})
		} else if format, ok := options.Get(f).Interface().(protoreflect.Message); ok && options.Has(f) {
			arguments = append(arguments, argument{string(f.Name()), p.format(format.Interface())})
		}
	}
	return arguments
}

// format is how the messages of a stream are written, "" for what is no format
// of messages.
func (p *python) format(m proto.Message) string {
	stream, _ := m.(*core.StreamFormat)
	call := ""
	switch f := stream.GetFormat().(type) {
	case *core.StreamFormat_JsonFormat_:
		call = "JsonFormat(schema_json=" + quote(f.JsonFormat.GetSchemaJson()) + ")"
	case *core.StreamFormat_AvroFormat_:
		call = "AvroFormat(schema_json=" + quote(f.AvroFormat.GetSchemaJson()) + ")"
	case *core.StreamFormat_ProtoFormat_:
		call = "ProtoFormat(class_path=" + quote(f.ProtoFormat.GetClassPath()) + ")"
	default:
		return ""
	}
	class, _, _ := strings.Cut(call, "(")
	p.use("feast.data_format", class)
	return call
}

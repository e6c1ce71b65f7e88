package definition

import (
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// common are the arguments that nearly all sources have.
const common = ` timestamp_field:text created_timestamp_column:text field_mapping:tags description:text tags:tags owner:text connection_ref:any`

var dataSource = []string{"DataSource"}

// sourceClasses are the sources that our engines know. The others are in
// otherSources.
var sourceClasses = []*class{
	{name: "FileSource", bases: dataSource, modules: []string{"feast.infra.offline_stores.file_source", "feast.file_source"}, build: fileSource,
		params: params("path:text! name:text event_timestamp_column:text file_format:format s3_endpoint_override:text" + common)},
	{name: "PostgreSQLSource", bases: dataSource, positional: 10, build: postgresSource,
		modules: []string{postgresModule + ".postgres_source", postgresModule + ".postgres"},
		params:  params("name:text query:text table:text" + common)},
	{name: "RequestSource", bases: dataSource, modules: []string{"feast.data_source"}, build: requestSource,
		params: params("name:text! schema:fields! timestamp_field:text description:text tags:tags owner:text")},
	{name: "PushSource", bases: dataSource, modules: []string{"feast.data_source"}, build: pushSource,
		params: params("name:text! batch_source:source description:text tags:tags owner:text")},
	{name: "KafkaSource", bases: dataSource, modules: []string{"feast.data_source"}, build: kafkaSource,
		params: params("name:text! timestamp_field:text! message_format:stream! bootstrap_servers:text kafka_bootstrap_servers:text topic:text created_timestamp_column:text field_mapping:tags description:text tags:tags owner:text batch_source:source watermark_delay_threshold:duration")},
	{name: "KinesisSource", bases: dataSource, modules: []string{"feast.data_source"}, build: kinesisSource,
		params: params("name:text! record_format:stream! region:text! stream_name:text! timestamp_field:text created_timestamp_column:text field_mapping:tags description:text tags:tags owner:text batch_source:source")},
}

const postgresModule = "feast.infra.offline_stores.contrib.postgres_offline_store"

// source makes a source of the arguments that all have.
func (a *arguments) source(kind asof.SourceKind, name string) *asof.DataSource {
	s := &asof.DataSource{
		Name: name, Kind: kind, TimestampField: a.text("timestamp_field"), CreatedField: a.text("created_timestamp_column"),
		FieldMapping: a.texts("field_mapping"), Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"),
		Meta: a.meta(),
	}
	if s.TimestampField != "" && s.TimestampField == s.CreatedField {
		a.problem("created_timestamp_column", "timestamp_field and created_timestamp_column of %q are the same column; leave created_timestamp_column out", s.Name)
	}
	if s.Name == "" {
		a.problem("name", "%s needs a name", a.name)
	}
	if a.has("connection_ref") {
		a.loader.warn(a.site.Keyword("connection_ref"), "connection_ref of %q is not used: the source is read where offline_store points", s.Name)
	}
	return s
}

// registered is the value of a source, whose name is an attribute even when it
// was left out.
func (a *arguments) registered(s *asof.DataSource) starlark.Value {
	o := a.made(s)
	o.attrs["name"] = starlark.String(s.Name)
	return o
}

func fileSource(a *arguments) starlark.Value {
	path := a.text("path")
	name := a.text("name")
	if name == "" {
		name = path
	}
	if path == "" {
		a.problem("path", "FileSource needs a path")
		return python.Unknown
	}
	s := a.source(asof.SourceFile, name)
	s.Path, s.Endpoint = path, a.text("s3_endpoint_override")
	if s.TimestampField == "" {
		// Feast's old name of the argument, which it accepts and forgets.
		s.TimestampField = a.text("event_timestamp_column")
	}
	if o := a.object("file_format"); o != nil {
		s.Format = o.noun.(asof.FileFormat)
	}
	return a.registered(s)
}

func postgresSource(a *arguments) starlark.Value {
	name, table, query := a.text("name"), a.text("table"), a.text("query")
	switch {
	case name == "" && table == "":
		a.problemAt(a.site.Place, "PostgreSQLSource needs a name or a table")
		return python.Unknown
	case table == "" && strings.TrimSpace(query) == "":
		a.problemAt(a.site.Place, "PostgreSQLSource %q needs a table or a query", name)
		return python.Unknown
	case name == "":
		name = table
	}
	s := a.source(asof.SourcePostgres, name)
	s.Table, s.Query = table, query
	return a.registered(s)
}

func requestSource(a *arguments) starlark.Value {
	s := a.source(asof.SourceRequest, a.text("name"))
	s.Schema = a.fields("schema")
	return a.registered(s)
}

func pushSource(a *arguments) starlark.Value {
	s := a.source(asof.SourcePush, a.text("name"))
	if s.Batch = a.batch(); s.Batch != nil {
		// Feast gives a push source the columns of its batch source.
		s.TimestampField, s.CreatedField = s.Batch.TimestampField, s.Batch.CreatedField
		s.FieldMapping, s.DatePartition = s.Batch.FieldMapping, s.Batch.DatePartition
	}
	return a.registered(s)
}

// batch is the source that holds the history of a stream; nil for none.
func (a *arguments) batch() *asof.DataSource {
	o := a.object("batch_source")
	if o == nil {
		return nil
	}
	return o.noun.(*asof.DataSource)
}

func kafkaSource(a *arguments) starlark.Value {
	s := a.source(asof.SourceKafka, a.text("name"))
	s.Batch = a.batch()
	servers := a.text("kafka_bootstrap_servers")
	if servers == "" {
		servers = a.text("bootstrap_servers")
	}
	options := fields{"kafkaBootstrapServers": servers, "topic": a.text("topic"), "messageFormat": a.object("message_format").noun}
	if a.has("watermark_delay_threshold") {
		options["watermarkDelayThreshold"] = durationText(a.duration("watermark_delay_threshold"))
	}
	s.Options = a.message(sourceMessage, fields{"type": "STREAM_KAFKA", "kafkaOptions": options})
	return a.registered(s)
}

func kinesisSource(a *arguments) starlark.Value {
	s := a.source(asof.SourceKinesis, a.text("name"))
	s.Batch = a.batch()
	s.Options = a.message(sourceMessage, fields{"type": "STREAM_KINESIS", "kinesisOptions": fields{
		"region": a.text("region"), "streamName": a.text("stream_name"), "recordFormat": a.object("record_format").noun,
	}})
	return a.registered(s)
}

// durationText is a duration in protobuf's JSON.
func durationText(d time.Duration) string {
	return strings.TrimRight(strings.TrimRight(starlark.Float(d.Seconds()).String(), "0"), ".") + "s"
}

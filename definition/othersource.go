package definition

import (
	"encoding/base64"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// otherSource describes a source that none of our engines reads: it is
// registered for other programs as Feast would register it.
type otherSource struct {
	name       string
	module     string
	params     string
	positional int
	// typ is the source's type in the registry. Options names the field that
	// holds its settings, each under its argument's name; "" for a custom source,
	// whose settings are a JSON text with these keys in this order.
	typ      string
	options  string
	settings []string
	schema   string // the schema of a table that is given without one
	// defaults are settings that are registered when they are left out.
	defaults map[string]string
	// names are the arguments that the source is named after when it has no name.
	names []string
}

const (
	contrib   = "feast.infra.offline_stores.contrib."
	custom    = "CUSTOM_SOURCE"
	described = " created_timestamp_column:text field_mapping:tags description:text tags:tags owner:text connection_ref:any"
)

var otherSources = []otherSource{
	{name: "BigQuerySource", module: "feast.infra.offline_stores.bigquery_source", typ: "BATCH_BIGQUERY", options: "bigqueryOptions",
		params: "name:text table:text query:text date_partition_column:text timestamp_field_type:text" + common, settings: []string{"table", "query"}, names: []string{"name", "table"}},
	{name: "SnowflakeSource", module: "feast.infra.offline_stores.snowflake_source", typ: "BATCH_SNOWFLAKE", schema: "PUBLIC", options: "snowflakeOptions",
		params: "name:text database:text warehouse:text schema:text table:text query:text" + common, settings: []string{"table", "query", "schema", "database"}, names: []string{"name", "table"}},
	{name: "RedshiftSource", module: "feast.infra.offline_stores.redshift_source", typ: "BATCH_REDSHIFT", schema: "public", options: "redshiftOptions",
		params: "name:text table:text schema:text query:text database:text" + common, settings: []string{"table", "query", "schema", "database"}, names: []string{"name", "table"}},
	{name: "AthenaSource", module: contrib + "athena_offline_store.athena_source", typ: "BATCH_ATHENA", options: "athenaOptions",
		params: "table:text database:text data_source:text query:text name:text date_partition_column:text" + common, settings: []string{"table", "query", "database", "data_source"}, names: []string{"name", "table"}},
	{name: "TrinoSource", module: contrib + "trino_offline_store.trino_source", typ: "BATCH_TRINO", options: "trinoOptions",
		params: "name:text table:text query:text" + common, settings: []string{"table", "query"}, names: []string{"name", "table"}},
	{name: "SparkSource", module: contrib + "spark_offline_store.spark_source", typ: "BATCH_SPARK", defaults: map[string]string{"date_partition_column_format": "%Y-%m-%d"}, options: "sparkOptions",
		params:   "name:text table:text query:text path:text file_format:text date_partition_column:text date_partition_column_format:text table_format:any" + common,
		settings: []string{"table", "query", "path", "file_format", "date_partition_column_format"}, names: []string{"name", "table"}},
	{name: "ClickhouseSource", module: contrib + "clickhouse_offline_store.clickhouse_source", typ: custom, positional: 3,
		params: "name:text query:text table:text" + common, settings: []string{"name", "query", "table"}, names: []string{"name", "table"}},
	{name: "CouchbaseColumnarSource", module: contrib + "couchbase_offline_store.couchbase_source", typ: custom, defaults: map[string]string{"database": "Default", "scope": "Default"}, positional: 5,
		params: "name:text query:text database:text scope:text collection:text" + common, settings: []string{"name", "query", "database", "scope", "collection"}, names: []string{"name", "collection"}},
	{name: "RaySource", module: contrib + "ray_offline_store.ray_source", typ: custom,
		params: "name:text! reader_type:text! path:text reader_options:dict timestamp_field:text" + described, settings: []string{"reader_type", "path", "reader_options"}, names: []string{"name"}},
	{name: "MsSqlServerSource", module: contrib + "mssql_offline_store.mssqlserver_source", typ: custom, positional: 1,
		params: "name:text! table_ref:text event_timestamp_column:text date_partition_column:text connection_str:text" + described, settings: []string{"table_ref", "connection_str=connection_string"}, names: []string{"name"}},
	{name: "OracleSource", module: contrib + "oracle_offline_store.oracle_source", typ: custom, positional: 1,
		params: "name:text! table_ref:text event_timestamp_column:text date_partition_column:text" + described, settings: []string{"table_ref"}, names: []string{"name"}},
}

func (o otherSource) class() *class {
	return &class{name: o.name, bases: dataSource, modules: []string{o.module}, params: params(o.params), positional: o.positional, build: o.build}
}

func (o otherSource) build(a *arguments) starlark.Value {
	name := ""
	for _, argument := range o.names {
		if name == "" {
			name = a.text(argument)
		}
	}
	s := a.source(asof.SourceOther, name)
	if s.TimestampField == "" {
		s.TimestampField = a.text("event_timestamp_column")
	}
	s.Class = o.module + "." + o.name
	s.DatePartition = a.text("date_partition_column")
	s.TimestampIsDay = a.text("timestamp_field_type") == "DATE"
	s.Options = o.message(a)
	return a.registered(s)
}

// message is the source's type and settings as the registry holds them.
func (o otherSource) message(a *arguments) []byte {
	if o.options != "" {
		settings := fields{}
		for _, name := range o.settings {
			if settings[name] = a.text(name); settings[name] == "" {
				settings[name] = o.defaults[name]
			}
		}
		if o.schema != "" && a.text("schema") == "" && a.text("table") != "" && (o.typ != "BATCH_SNOWFLAKE" || a.text("database") != "") {
			settings["schema"] = o.schema
		}
		if a.param("table_format") != nil && a.has("table_format") {
			a.problem("table_format", "a table format cannot be registered without Python; leave it out, or run with --python")
		}
		return a.message(sourceMessage, fields{"type": o.typ, o.options: settings})
	}
	var b strings.Builder
	for i, setting := range o.settings {
		argument, key, renamed := strings.Cut(setting, "=")
		if !renamed {
			key = argument
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + key + `": ` + a.json(argument, o.defaults[argument]))
	}
	configuration := base64.StdEncoding.EncodeToString([]byte("{" + b.String() + "}"))
	return a.message(sourceMessage, fields{"type": o.typ, "customOptions": fields{"configuration": configuration}})
}

// json is an argument as JSON; a text that was left out is its default.
func (a *arguments) json(name, otherwise string) string {
	v := a.values[name]
	if v == nil || v == starlark.None {
		v = absent(*a.param(name))
	}
	if v == starlark.String("") {
		v = starlark.String(otherwise)
	}
	text, err := python.JSON(v)
	if err != nil {
		a.problem(name, "%s of %s: %v", name, a.name, err)
	}
	return text
}

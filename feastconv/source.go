package feastconv

import (
	"encoding/json"
	"fmt"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// PostgresClass is the Python class of a source of [asof.SourcePostgres],
// which in Feast is a custom source with a JSON configuration.
const PostgresClass = "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource"

// classes are the Python classes of the kinds and types that have one.
var (
	classOfKind = map[asof.SourceKind]string{
		asof.SourceFile:     "feast.infra.offline_stores.file_source.FileSource",
		asof.SourcePostgres: PostgresClass,
		asof.SourceRequest:  "feast.data_source.RequestSource",
		asof.SourcePush:     "feast.data_source.PushSource",
		asof.SourceKafka:    "feast.data_source.KafkaSource",
		asof.SourceKinesis:  "feast.data_source.KinesisSource",
	}
	classOfType = map[core.DataSource_SourceType]string{
		core.DataSource_BATCH_BIGQUERY:  "feast.infra.offline_stores.bigquery_source.BigQuerySource",
		core.DataSource_BATCH_REDSHIFT:  "feast.infra.offline_stores.redshift_source.RedshiftSource",
		core.DataSource_BATCH_SNOWFLAKE: "feast.infra.offline_stores.snowflake_source.SnowflakeSource",
		core.DataSource_BATCH_TRINO:     "feast.infra.offline_stores.contrib.trino_offline_store.trino_source.TrinoSource",
		core.DataSource_BATCH_SPARK:     "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkSource",
		core.DataSource_BATCH_ATHENA:    "feast.infra.offline_stores.contrib.athena_offline_store.athena_source.AthenaSource",
		core.DataSource_BATCH_ICEBERG:   "feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source.IcebergSource",
	}
	typeOfKind = map[asof.SourceKind]core.DataSource_SourceType{
		asof.SourceFile:     core.DataSource_BATCH_FILE,
		asof.SourcePostgres: core.DataSource_CUSTOM_SOURCE,
		asof.SourceRequest:  core.DataSource_REQUEST_SOURCE,
		asof.SourcePush:     core.DataSource_PUSH_SOURCE,
		asof.SourceKafka:    core.DataSource_STREAM_KAFKA,
		asof.SourceKinesis:  core.DataSource_STREAM_KINESIS,
	}
)

func kindOf(m *core.DataSource) asof.SourceKind {
	if m.GetDataSourceClassType() == PostgresClass {
		return asof.SourcePostgres
	}
	for kind, typ := range typeOfKind {
		if typ == m.GetType() && kind != asof.SourcePostgres {
			return kind
		}
	}
	return asof.SourceOther
}

func decodeSource(m *core.DataSource) (*asof.DataSource, error) {
	s := &asof.DataSource{
		Name:           m.GetName(),
		Kind:           kindOf(m),
		TimestampField: m.GetTimestampField(),
		CreatedField:   m.GetCreatedTimestampColumn(),
		DatePartition:  m.GetDatePartitionColumn(),
		TimestampIsDay: m.GetTimestampFieldType() == "DATE",
		FieldMapping:   m.GetFieldMapping(),
		Description:    m.GetDescription(),
		Tags:           m.GetTags(),
		Owner:          m.GetOwner(),
		Class:          m.GetDataSourceClassType(),
		Meta:           metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()),
	}
	if s.Class == "" {
		s.Class = defaultClass(s.Kind, m.GetType())
	}
	if err := decodeOptions(s, m); err != nil {
		return nil, fmt.Errorf("data source %q: %w", m.GetName(), err)
	}
	return s, nil
}

func defaultClass(kind asof.SourceKind, typ core.DataSource_SourceType) string {
	if class, ok := classOfKind[kind]; ok {
		return class
	}
	return classOfType[typ]
}

// decodeOptions reads what belongs to the source's kind.
func decodeOptions(s *asof.DataSource, m *core.DataSource) error {
	switch s.Kind {
	case asof.SourceFile:
		o := m.GetFileOptions()
		s.Path, s.Endpoint, s.Format = o.GetUri(), o.GetS3EndpointOverride(), decodeFormat(o.GetFileFormat())
	case asof.SourcePostgres:
		var c postgresConfiguration
		if err := json.Unmarshal(m.GetCustomOptions().GetConfiguration(), &c); err != nil {
			return fmt.Errorf("its configuration is not JSON: %w", err)
		}
		s.Table, s.Query = c.Table, c.Query
	case asof.SourceRequest:
		s.Schema = decodeFields(m.GetRequestDataOptions().GetSchema())
	case asof.SourceKafka, asof.SourceKinesis, asof.SourceOther:
		s.Options = marshal(&core.DataSource{Type: m.GetType(), Options: m.GetOptions()})
	}
	if m.GetBatchSource() != nil {
		batch, err := decodeSource(m.GetBatchSource())
		if err != nil {
			return err
		}
		s.Batch = batch
	}
	return nil
}

// postgresConfiguration is the JSON configuration of a PostgreSQLSource.
type postgresConfiguration struct {
	Name  string `json:"name"`
	Query string `json:"query"`
	Table string `json:"table"`
}

// text is the configuration as Feast writes it, to the byte.
func (c postgresConfiguration) text() []byte {
	return []byte(`{"name": ` + quoteJSON(c.Name) + `, "query": ` + quoteJSON(c.Query) + `, "table": ` + quoteJSON(c.Table) + `}`)
}

// where says how much of a source's message Feast writes at a place: the class
// of a source that is registered or belongs to a view is always written, that
// of a source within a push source or a projection only by some types.
type where bool

const (
	outside where = true
	within  where = false
)

// registeredSource is a source with a name of its own in the registry.
func (e *Encoder) registeredSource(s *asof.DataSource) (*core.DataSource, error) {
	m, err := e.source(s, outside)
	if err == nil {
		m.Project = e.Project
	}
	return m, err
}

// optionalSource is e.source for a source that may be nil.
func (e *Encoder) optionalSource(s *asof.DataSource, at where) (*core.DataSource, error) {
	if s == nil {
		return nil, nil
	}
	return e.source(s, at)
}

func (e *Encoder) source(s *asof.DataSource, at where) (*core.DataSource, error) {
	m := &core.DataSource{}
	if err := stored(s.Meta, m); err != nil {
		return nil, err
	}
	m.Name = s.Name
	m.Project = "" // Feast leaves the project of a source within a view empty
	m.TimestampField, m.CreatedTimestampColumn = s.TimestampField, s.CreatedField
	m.DatePartitionColumn = s.DatePartition
	m.TimestampFieldType = dayText(s.TimestampIsDay, m.TimestampFieldType)
	m.FieldMapping = s.FieldMapping
	m.Description, m.Tags, m.Owner = s.Description, s.Tags, s.Owner
	m.Meta = orNew(m.Meta)
	m.Meta.CreatedTimestamp, m.Meta.LastUpdatedTimestamp = timestamp(s.Meta.Created), timestamp(s.Meta.Updated)
	if err := e.options(m, s); err != nil {
		return nil, fmt.Errorf("data source %q: %w", s.Name, err)
	}
	m.DataSourceClassType = s.Class
	if s.Class == "" {
		m.DataSourceClassType = defaultClass(s.Kind, m.Type)
	}
	if at == within && !namesItself(m.Type) {
		m.DataSourceClassType = ""
	}
	return m, nil
}

// dayText keeps a spelled out TIMESTAMP, which means what "" means.
func dayText(isDay bool, old string) string {
	switch {
	case isDay:
		return "DATE"
	case old == "DATE":
		return ""
	}
	return old
}

// namesItself reports whether sources of a type write their class everywhere.
func namesItself(t core.DataSource_SourceType) bool {
	switch t {
	case core.DataSource_CUSTOM_SOURCE, core.DataSource_BATCH_SPARK, core.DataSource_BATCH_ICEBERG:
		return true
	}
	return false
}

// options writes what belongs to the source's kind.
func (e *Encoder) options(m *core.DataSource, s *asof.DataSource) (err error) {
	if typ, ok := typeOfKind[s.Kind]; ok {
		m.Type = typ
	}
	switch s.Kind {
	case asof.SourceFile:
		o := orNew(m.GetFileOptions())
		o.Uri, o.S3EndpointOverride = s.Path, s.Endpoint
		o.FileFormat = encodeFormat(s.Format, o.FileFormat)
		m.Options = &core.DataSource_FileOptions_{FileOptions: o}
	case asof.SourcePostgres:
		c := postgresConfiguration{Name: s.Name, Query: s.Query, Table: s.Table}
		if c.Name == c.Table {
			c.Name = "" // the table is the name of a source without one
		}
		o := orNew(m.GetCustomOptions())
		if !sameConfiguration(o.Configuration, c) {
			o.Configuration = c.text()
		}
		m.Options = &core.DataSource_CustomOptions{CustomOptions: o}
	case asof.SourceRequest:
		o := orNew(m.GetRequestDataOptions())
		o.Schema = encodeFields(s.Schema, o.Schema)
		m.Options = &core.DataSource_RequestDataOptions_{RequestDataOptions: o}
	case asof.SourcePush:
		encodePush(m, s)
	case asof.SourceKafka, asof.SourceKinesis, asof.SourceOther:
		var o core.DataSource
		if err := stored(asof.Meta{Stored: s.Options}, &o); err != nil {
			return err
		}
		m.Type, m.Options = o.Type, o.Options
	}
	m.BatchSource, err = e.optionalSource(s.Batch, within)
	return err
}

// sameConfiguration reports whether text already says c, with or without the
// table as its name.
func sameConfiguration(text []byte, c postgresConfiguration) bool {
	var old postgresConfiguration
	return json.Unmarshal(text, &old) == nil && old.Query == c.Query && old.Table == c.Table &&
		(old.Name == c.Name || old.Name == c.Table && c.Name == "")
}

// encodePush writes the columns of the batch source for those of the push
// source, which has none of its own.
func encodePush(m *core.DataSource, s *asof.DataSource) {
	if s.Batch == nil || s.TimestampField != "" || s.CreatedField != "" || len(s.FieldMapping) > 0 {
		return
	}
	m.TimestampField, m.CreatedTimestampColumn = s.Batch.TimestampField, s.Batch.CreatedField
	m.FieldMapping, m.DatePartitionColumn = s.Batch.FieldMapping, s.Batch.DatePartition
}

// decodeFormat reads a file's format. Feast knows no CSV: such a source is
// registered without a format, and FormatAuto tells it by its path.
func decodeFormat(f *core.FileFormat) asof.FileFormat {
	switch f.GetFormat().(type) {
	case *core.FileFormat_ParquetFormat_:
		return asof.FormatParquet
	case *core.FileFormat_DeltaFormat:
		return asof.FormatDelta
	}
	return asof.FormatAuto
}

func encodeFormat(f asof.FileFormat, old *core.FileFormat) *core.FileFormat {
	if decodeFormat(old) == f {
		return old
	}
	switch f {
	case asof.FormatParquet:
		return &core.FileFormat{Format: &core.FileFormat_ParquetFormat_{ParquetFormat: &core.FileFormat_ParquetFormat{}}}
	case asof.FormatDelta:
		return &core.FileFormat{Format: &core.FileFormat_DeltaFormat{DeltaFormat: &core.TableFormat_DeltaFormat{}}}
	}
	return nil
}

package registryrest

import (
	"strings"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// sourceBody is a data source; one of the options says what it reads.
type sourceBody struct {
	Name        string            `json:"name" need:"true"`
	Project     string            `json:"project" need:"true"`
	Type        *int32            `json:"type" about:"A number of Feast's SourceType; that of the options where it is left out."`
	Class       string            `json:"data_source_class_type" about:"The Python class, for custom_options."`
	Timestamp   string            `json:"timestamp_field"`
	Created     string            `json:"created_timestamp_column"`
	Partition   string            `json:"date_partition_column"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Owner       string            `json:"owner"`

	File      *fileOptions    `json:"file_options"`
	BigQuery  *tableOptions   `json:"bigquery_options"`
	Snowflake *tableOptions   `json:"snowflake_options"`
	Redshift  *tableOptions   `json:"redshift_options"`
	Kafka     *kafkaOptions   `json:"kafka_options"`
	Spark     *sparkOptions   `json:"spark_options"`
	Trino     *tableOptions   `json:"trino_options"`
	Athena    *tableOptions   `json:"athena_options"`
	Kinesis   *kinesisOptions `json:"kinesis_options"`
	Custom    *customOptions  `json:"custom_options"`
}

type fileOptions struct {
	URI        string `json:"uri"`
	S3Endpoint string `json:"s3_endpoint_override"`
}

// tableOptions are those of a table or a query of a database.
type tableOptions struct {
	Table      string `json:"table"`
	Query      string `json:"query"`
	Database   string `json:"database"`
	Schema     string `json:"schema_"`
	DataSource string `json:"data_source" about:"Athena's."`
}

type kafkaOptions struct {
	Servers string `json:"kafka_bootstrap_servers"`
	Topic   string `json:"topic"`
}

type sparkOptions struct {
	Table           string `json:"table"`
	Path            string `json:"path"`
	Query           string `json:"query"`
	FileFormat      string `json:"file_format"`
	PartitionFormat string `json:"date_partition_column_format"`
}

type kinesisOptions struct {
	Region string `json:"region"`
	Stream string `json:"stream_name"`
}

type customOptions struct {
	Configuration string `json:"configuration" about:"What the class reads: JSON for PostgreSQLSource."`
}

func applySource(c *call) (any, error) {
	var b sourceBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	m := &core.DataSource{Name: b.Name, TimestampField: b.Timestamp, CreatedTimestampColumn: b.Created, DatePartitionColumn: b.Partition,
		Description: b.Description, Tags: b.Tags, Owner: b.Owner, DataSourceClassType: b.Class}
	b.options(m)
	if b.Type != nil {
		if _, known := core.DataSource_SourceType_name[*b.Type]; !known {
			return nil, malformed("type is %d, which is no number of Feast's SourceType", *b.Type)
		}
		m.Type = core.DataSource_SourceType(*b.Type)
	}
	if m.Type == core.DataSource_INVALID {
		return nil, malformed("data source %s reads nothing: give file_options, custom_options or others", b.Name)
	}
	_, err := c.registry.ApplyDataSource(c.ctx, &pb.ApplyDataSourceRequest{Project: b.Project, Commit: true, DataSource: m})
	return applied(b.Project, b.Name), err
}

// options gives a source its options, the first that there are, and their type.
func (b sourceBody) options(m *core.DataSource) {
	switch {
	case b.File != nil:
		m.Type = core.DataSource_BATCH_FILE
		m.Options = &core.DataSource_FileOptions_{FileOptions: &core.DataSource_FileOptions{Uri: b.File.URI, S3EndpointOverride: b.File.S3Endpoint}}
	case b.BigQuery != nil:
		m.Type = core.DataSource_BATCH_BIGQUERY
		m.Options = &core.DataSource_BigqueryOptions{BigqueryOptions: &core.DataSource_BigQueryOptions{Table: b.BigQuery.Table, Query: b.BigQuery.Query}}
	case b.Snowflake != nil:
		m.Type = core.DataSource_BATCH_SNOWFLAKE
		m.Options = &core.DataSource_SnowflakeOptions_{SnowflakeOptions: &core.DataSource_SnowflakeOptions{
			Table: b.Snowflake.Table, Query: b.Snowflake.Query, Database: b.Snowflake.Database, Schema: b.Snowflake.Schema}}
	case b.Redshift != nil:
		m.Type = core.DataSource_BATCH_REDSHIFT
		m.Options = &core.DataSource_RedshiftOptions_{RedshiftOptions: &core.DataSource_RedshiftOptions{
			Table: b.Redshift.Table, Query: b.Redshift.Query, Database: b.Redshift.Database, Schema: b.Redshift.Schema}}
	case b.Kafka != nil:
		m.Type = core.DataSource_STREAM_KAFKA
		m.Options = &core.DataSource_KafkaOptions_{KafkaOptions: &core.DataSource_KafkaOptions{KafkaBootstrapServers: b.Kafka.Servers, Topic: b.Kafka.Topic}}
	case b.Spark != nil:
		m.Type = core.DataSource_BATCH_SPARK
		m.Options = &core.DataSource_SparkOptions_{SparkOptions: &core.DataSource_SparkOptions{Table: b.Spark.Table, Path: b.Spark.Path,
			Query: b.Spark.Query, FileFormat: b.Spark.FileFormat, DatePartitionColumnFormat: b.Spark.PartitionFormat}}
	case b.Trino != nil:
		m.Type = core.DataSource_BATCH_TRINO
		m.Options = &core.DataSource_TrinoOptions_{TrinoOptions: &core.DataSource_TrinoOptions{Table: b.Trino.Table, Query: b.Trino.Query}}
	case b.Athena != nil:
		m.Type = core.DataSource_BATCH_ATHENA
		m.Options = &core.DataSource_AthenaOptions_{AthenaOptions: &core.DataSource_AthenaOptions{
			Table: b.Athena.Table, Query: b.Athena.Query, Database: b.Athena.Database, DataSource: b.Athena.DataSource}}
	case b.Kinesis != nil:
		m.Type = core.DataSource_STREAM_KINESIS
		m.Options = &core.DataSource_KinesisOptions_{KinesisOptions: &core.DataSource_KinesisOptions{Region: b.Kinesis.Region, StreamName: b.Kinesis.Stream}}
	case b.Custom != nil:
		m.Type = core.DataSource_CUSTOM_SOURCE
		m.Options = &core.DataSource_CustomOptions{CustomOptions: &core.DataSource_CustomSourceOptions{Configuration: []byte(b.Custom.Configuration)}}
	}
}

// storageOf is where a dataset is stored.
func storageOf(typ, path, format string) (*core.SavedDatasetStorage, error) {
	s := &core.SavedDatasetStorage{}
	switch typ {
	case "file":
		s.Kind = &core.SavedDatasetStorage_FileStorage{FileStorage: &core.DataSource_FileOptions{Uri: path}}
	case "bigquery":
		s.Kind = &core.SavedDatasetStorage_BigqueryStorage{BigqueryStorage: &core.DataSource_BigQueryOptions{Table: path}}
	case "redshift":
		s.Kind = &core.SavedDatasetStorage_RedshiftStorage{RedshiftStorage: &core.DataSource_RedshiftOptions{Table: path}}
	case "snowflake":
		s.Kind = &core.SavedDatasetStorage_SnowflakeStorage{SnowflakeStorage: &core.DataSource_SnowflakeOptions{Table: path}}
	case "trino":
		s.Kind = &core.SavedDatasetStorage_TrinoStorage{TrinoStorage: &core.DataSource_TrinoOptions{Table: path}}
	case "spark":
		s.Kind = &core.SavedDatasetStorage_SparkStorage{SparkStorage: &core.DataSource_SparkOptions{Path: path, FileFormat: format}}
	case "athena":
		s.Kind = &core.SavedDatasetStorage_AthenaStorage{AthenaStorage: &core.DataSource_AthenaOptions{Table: path}}
	case "postgres":
		s.Kind = custom(object{{"name", ""}, {"query", ""}, {"table", path}, {"saved_dataset_storage_class",
			"feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.SavedDatasetPostgreSQLStorage"}})
	case "clickhouse":
		s.Kind = custom(object{{"name", nil}, {"query", nil}, {"table", path}})
	case "couchbase":
		parts := append(strings.SplitN(path, ".", 3), "", "")
		s.Kind = custom(object{{"name", nil}, {"query", nil}, {"database", parts[0]}, {"scope", parts[1]}, {"collection", parts[2]}})
	case "custom":
		s.Kind = &core.SavedDatasetStorage_CustomStorage{CustomStorage: &core.DataSource_CustomSourceOptions{Configuration: []byte(path)}}
	default:
		return nil, malformed("storage_type is %q; it has to be file, postgres, bigquery, snowflake, redshift, spark, trino, athena, clickhouse, couchbase or custom", typ)
	}
	return s, nil
}

// custom is a storage whose configuration is JSON, spaced as Python does.
func custom(configuration object) *core.SavedDatasetStorage_CustomStorage {
	parts := make([]string, len(configuration))
	for i, f := range configuration {
		parts[i] = quote(f.name) + ": " + string(appendJSON(nil, f.value))
	}
	text := "{" + strings.Join(parts, ", ") + "}"
	return &core.SavedDatasetStorage_CustomStorage{CustomStorage: &core.DataSource_CustomSourceOptions{Configuration: []byte(text)}}
}

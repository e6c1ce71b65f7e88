package asof

import "strings"

// SourceKind says what a data source reads.
type SourceKind string

// The kinds of sources. SourceOther is registered, listed and served to other
// programs, and read by no engine of ours; its Class says what it is.
const (
	SourceFile     SourceKind = "file"
	SourcePostgres SourceKind = "postgres"
	SourceRequest  SourceKind = "request"
	SourcePush     SourceKind = "push"
	SourceKafka    SourceKind = "kafka"
	SourceKinesis  SourceKind = "kinesis"
	SourceOther    SourceKind = "other"
)

// ConnectionTag is the tag of a PostgreSQLSource that names the database of
// asof.connections which holds it, or WarehouseConnection, the warehouse of the
// offline store itself.
const (
	ConnectionTag       = "connection"
	WarehouseConnection = "warehouse"
)

// FileFormat is the format of a file source.
type FileFormat string

// The file formats. FormatAuto goes by the path's extension; a folder is Parquet.
const (
	FormatAuto    FileFormat = ""
	FormatParquet FileFormat = "parquet"
	FormatDelta   FileFormat = "delta"
	FormatCSV     FileFormat = "csv"
)

// DataSource is where the values of a feature view, a request or a stream come
// from. The fields after Owner belong to some kinds only, as their comments say.
type DataSource struct {
	Name           string
	Kind           SourceKind
	TimestampField string // column of the event timestamp; "" where the kind has none
	CreatedField   string // column of the created timestamp; "" for none
	DatePartition  string
	TimestampIsDay bool              // Feast's timestamp_field_type DATE
	FieldMapping   map[string]string // source column → feature or join-key name
	Description    string
	Tags           map[string]string
	Owner          string

	Path     string     // file: relative to the repository, or absolute; a folder, file or glob
	Format   FileFormat // file
	Endpoint string     // file: s3_endpoint_override

	Table string // postgres: a table, optionally schema.table; or Query
	Query string // postgres: a SELECT without its semicolon

	Schema []Field     // request: what a request carries
	Batch  *DataSource // push, kafka, kinesis: where the history is; may be nil

	Class   string // the Python class, as the registry names it
	Options []byte // kafka, kinesis, other: the kind's own message, kept as it is

	Meta Meta
}

// FileFormat returns the format of a file source: what it says, else what its
// path's name says. What is neither CSV nor Delta is Parquet.
func (s *DataSource) FileFormat() FileFormat {
	name := strings.ToLower(s.Path)
	switch {
	case s.Format == FormatCSV || s.Format == FormatDelta:
		return s.Format
	case strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".csv.gz"):
		return FormatCSV
	}
	return FormatParquet
}

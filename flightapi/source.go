package flightapi

import (
	"context"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
)

// source returns the data source that a call names, and the object that it
// belongs to. Feast names one that has no name of its own by its path or table:
// of a registered source, of a saved dataset's storage, of a feature service's
// logs.
func (s *service) source(ctx context.Context, name string) (*asof.Snapshot, *asof.DataSource, asof.Object, error) {
	snapshot, err := s.Registry.Snapshot(ctx, s.Project)
	if err != nil {
		return nil, nil, nil, err
	}
	found, owner, err := sourceOf(snapshot, name)
	return snapshot, found, owner, err
}

func sourceOf(snapshot *asof.Snapshot, name string) (*asof.DataSource, asof.Object, error) {
	if found, ok := snapshot.Object(asof.KindDataSource, name).(*asof.DataSource); ok {
		return found, found, nil
	}
	for _, source := range snapshot.Sources() {
		if name != "" && (source.Path == name || source.Table == name) {
			return source, source, nil
		}
	}
	for _, o := range snapshot.Objects(asof.KindSavedDataset) {
		if source := storageOf(o); source != nil && (source.Path == name || source.Table == name) {
			return source, o, nil
		}
	}
	for _, service := range snapshot.Services() {
		if path := feastconv.Logging(service).GetFileDestination().GetPath(); path != "" && path == name {
			return &asof.DataSource{Name: name, Kind: asof.SourceFile, Path: path}, service, nil
		}
	}
	_, err := snapshot.Source(name)
	return nil, nil, called("DataSourceObjectNotFoundException", err)
}

// storageOf returns where a saved dataset is, nil where that is nothing we read.
func storageOf(o asof.Object) *asof.DataSource {
	opaque, ok := o.(*asof.Opaque)
	m := &core.SavedDataset{}
	if !ok || proto.Unmarshal(opaque.Meta.Stored, m) != nil {
		return nil
	}
	storage := m.GetSpec().GetStorage()
	source := &core.DataSource{Name: opaque.Name}
	switch {
	case storage.GetFileStorage() != nil:
		source.Type, source.Options = core.DataSource_BATCH_FILE, &core.DataSource_FileOptions_{FileOptions: storage.GetFileStorage()}
	case storage.GetCustomStorage() != nil:
		source.Type, source.Options = core.DataSource_CUSTOM_SOURCE, &core.DataSource_CustomOptions{CustomOptions: storage.GetCustomStorage()}
		source.DataSourceClassType = postgresClass
	default:
		return nil
	}
	found, err := feastconv.Decode(source)
	if err != nil {
		return nil
	}
	return found.(*asof.DataSource)
}

// postgresClass is the class of sources whose options are a table or a query.
const postgresClass = "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource"

// sent reads the data source that a call carries.
func (s *service) sent(ctx context.Context, c *command) (*asof.Snapshot, *asof.DataSource, error) {
	snapshot, err := s.Registry.Snapshot(ctx, s.Project)
	if err != nil {
		return nil, nil, err
	}
	source, err := c.dataSource()
	return snapshot, source, err
}

func (c *command) dataSource() (*asof.DataSource, error) {
	m := &core.DataSource{}
	err := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal([]byte(c.Message), m)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the data source of the call cannot be read: %w", err)
	}
	o, err := feastconv.Decode(m)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "data source %q cannot be read: %w", m.GetName(), err)
	}
	return o.(*asof.DataSource), nil
}

// columns asks for the names of a source's columns, and their types in the words
// by which Feast's class of the source knows them.
func (s *service) columns(ctx context.Context, c *command) (*question, error) {
	snapshot, source, err := s.sent(ctx, c)
	if err != nil {
		return nil, err
	}
	return &question{carried(snapshot, source), func(ctx context.Context) (array.RecordReader, error) {
		columns, err := s.Store.Columns(ctx, source)
		if err != nil {
			return nil, err
		}
		text := arrow.BinaryTypes.String
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "name", Type: text}, {Name: "type", Type: text}}, nil))
		defer b.Release()
		for _, column := range columns {
			b.Field(0).(*array.StringBuilder).Append(column.Name)
			b.Field(1).(*array.StringBuilder).Append(feastType(source, column))
		}
		batch := b.NewRecordBatch()
		defer batch.Release()
		return array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	}}, nil
}

var modifiers = regexp.MustCompile(`\([0-9, -]*\)`)

// feastType names a column's type as PostgreSQL does for a PostgreSQLSource, as
// pyarrow does for a file.
func feastType(source *asof.DataSource, c asof.SourceColumn) string {
	if source.Kind == asof.SourcePostgres {
		if c.Native == strings.ToLower(c.Native) { // PostgreSQL's own
			return modifiers.ReplaceAllString(c.Native, "")
		}
		return postgresType(c.Type)
	}
	return arrowType(c.Type)
}

var postgresTypes = map[asof.ValueType]string{
	asof.TypeInt32: "integer", asof.TypeInt64: "bigint", asof.TypeFloat32: "real", asof.TypeFloat64: "double precision", asof.TypeBool: "boolean",
	asof.TypeBytes: "bytea", asof.TypeUnixTimestamp: "timestamp with time zone", asof.TypeUUID: "uuid", asof.TypeMap: "jsonb", asof.TypeStruct: "jsonb",
}

func postgresType(t asof.Type) string {
	if elem, ok := t.Element(); ok {
		return postgresType(elem) + "[]"
	}
	if name, ok := postgresTypes[t.Value]; ok {
		return name
	}
	return "text"
}

var arrowTypes = map[asof.ValueType]string{
	asof.TypeInt32: "int32", asof.TypeInt64: "int64", asof.TypeFloat32: "float", asof.TypeFloat64: "double", asof.TypeBool: "bool",
	asof.TypeBytes: "binary", asof.TypeUnixTimestamp: "timestamp[us]", asof.TypeMap: "map<string, string>", asof.TypeStruct: "struct<>",
}

func arrowType(t asof.Type) string {
	if elem, ok := t.Element(); ok {
		return "list<item: " + arrowType(elem) + ">"
	}
	if name, ok := arrowTypes[t.Value]; ok {
		return name
	}
	return "string"
}

//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
	"github.com/asof-dev/asof/sqltext"
)

// relation is a source as DuckDB reads it.
type relation struct {
	sql     string // stands in FROM
	columns []asof.SourceColumn
}

// text returns the SQL of the user's that reading a source takes.
func text(source *asof.DataSource) string {
	if source == nil {
		return ""
	}
	return source.Query + "\n" + source.Table + "\n" + text(source.Batch)
}

// relation resolves a source. With a view, a CSV file's columns have the types
// that the view declares; without one, those that DuckDB detects.
func (s *session) relation(ctx context.Context, dir string, source *asof.DataSource, view *asof.ViewQuery) (relation, error) {
	what := fmt.Sprintf("data source %q", source.Name)
	var sql string
	var err error
	switch source.Kind {
	case asof.SourceFile:
		return s.file(ctx, dir, source, view)
	case asof.SourcePostgres:
		sql, err = s.overWarehouse(what, source)
	case asof.SourcePush, asof.SourceKafka, asof.SourceKinesis:
		if source.Batch != nil {
			return s.relation(ctx, dir, source.Batch, view)
		}
		err = asof.Errorf(asof.CodeInvalid, "%s is a %s source without a batch_source: it has no history to read", what, source.Kind)
	default:
		kind := string(source.Kind)
		if source.Class != "" {
			kind = source.Class
		}
		err = asof.Errorf(asof.CodeInvalid, "%s is a %s source, which the duckdb offline store does not read; it reads files and PostgreSQLSource", what, kind)
	}
	if err != nil {
		return relation{}, err
	}
	columns, err := s.columns(ctx, sql)
	return relation{sql, columns}, s.fault(what, err)
}

// overWarehouse reads a PostgreSQLSource from the warehouse's tables of the
// same names, whatever schema they are in there.
func (s *session) overWarehouse(what string, source *asof.DataSource) (string, error) {
	if source.Query == "" {
		return sqltext.Name(bareName(source.Table)), nil
	}
	sql := trimmed(source.Query)
	if err := s.single("the query of "+what, sql); err != nil {
		return "", err
	}
	return "(\n" + sql + "\n)", nil
}

// bareName returns a table's name without its schema.
func bareName(table string) string {
	return strings.Trim(table[strings.LastIndex(table, ".")+1:], `"`)
}

// trimmed takes off what may end a statement, and must not stand in a subquery.
func trimmed(sql string) string { return strings.TrimRight(sql, "; \t\r\n") }

func (s *session) file(ctx context.Context, dir string, source *asof.DataSource, view *asof.ViewQuery) (relation, error) {
	what := fmt.Sprintf("data source %q", source.Name)
	path, err := localPath(dir, source.Path)
	if err != nil {
		return relation{}, asof.Errorf(asof.CodeInvalid, "%s: %w", what, err)
	}
	switch source.FileFormat() {
	case asof.FormatParquet:
		files := pattern(path, "parquet")
		sql := "read_parquet(" + sqltext.Text(files) + ", hive_partitioning = true, union_by_name = true)"
		columns, err := s.columns(ctx, sql)
		if err == nil && view != nil {
			return relation{sql, columns}, s.checkTimes(ctx, what, files, view, columns)
		}
		return relation{sql, columns}, missing(what, path, s.fault(what, err))
	case asof.FormatCSV:
		// The separator is set, since one that is guessed may be wrong.
		sql := "read_csv(" + sqltext.Text(pattern(path, "csv")) + `, header = true, delim = ',', quote = '"', escape = '"', hive_partitioning = true, union_by_name = true`
		columns, err := s.columns(ctx, sql+")")
		if err == nil {
			err = s.emptyTimes(ctx, sql+")", source, columns)
		}
		if err != nil || view == nil {
			return relation{sql + ")", columns}, missing(what, path, s.fault(what, err))
		}
		return relation{sql + ", all_varchar = true)", declared(view, columns)}, nil
	}
	return relation{}, asof.Errorf(asof.CodeInvalid, "%s is a %s file, which the duckdb offline store does not read; it reads Parquet and CSV", what, source.FileFormat())
}

// emptyTimes takes a source's timestamp and created columns for times where they
// hold nothing, of which DuckDB detects text.
func (s *session) emptyTimes(ctx context.Context, sql string, source *asof.DataSource, columns []asof.SourceColumn) error {
	for i, c := range columns {
		if c.Native != "VARCHAR" || c.Name != source.TimestampField && c.Name != source.CreatedField {
			continue
		}
		rows, err := s.arrow.QueryContext(ctx, "SELECT 1 FROM "+sql+" WHERE "+sqltext.Name(c.Name)+" IS NOT NULL LIMIT 1")
		if err != nil {
			return err
		}
		some := rows.Next() && rows.RecordBatch().NumRows() > 0
		err = rows.Err()
		rows.Release()
		if err != nil {
			return err
		}
		if !some {
			columns[i].Native, columns[i].Type, columns[i].IsTime = pit.TextOf+"TIMESTAMPTZ", asof.Scalar(asof.TypeUnixTimestamp), true
		}
	}
	return nil
}

// localPath returns a path of a definition as one of this machine.
func localPath(dir, path string) (string, error) {
	if u, err := url.Parse(path); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" {
			return "", fmt.Errorf("%s is not on this machine, and the duckdb offline store reads local files only", path)
		}
		path = u.Path
	}
	if path == "" {
		return "", fmt.Errorf("it has no path")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return path, nil
}

// pattern returns what DuckDB is to read: every file of a folder, the one file
// of that name, or what the path matches as a pattern.
func pattern(path, ext string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return path
	case info.IsDir():
		return globEscape.Replace(path) + "/**/*." + ext
	}
	return globEscape.Replace(path)
}

// missing says what is wrong with a path better than the engine does.
func missing(what, path string, err error) error {
	if err != nil && strings.Contains(err.Error(), "sniffing file") {
		return asof.Errorf(asof.CodeInvalid, "%s: %s is no CSV table: a header, commas, fields in double quotes where they need it, as many in every line as in the header, UTF-8", what, path)
	}
	if err == nil || !strings.Contains(err.Error(), "No files found") {
		return err
	}
	if info, e := os.Stat(path); e == nil && info.IsDir() {
		csv, _ := filepath.Glob(globEscape.Replace(path) + "/*.csv")
		if len(csv) > 0 && strings.Contains(err.Error(), ".parquet") {
			return asof.Errorf(asof.CodeInvalid, "%s: the folder %s holds CSV files, and a folder is taken for Parquet; write the path as %s", what, path, filepath.Join(path, "*.csv"))
		}
		return asof.Errorf(asof.CodeInvalid, "%s: the folder %s holds no files of its format", what, path)
	}
	var names []string
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return asof.Errorf(asof.CodeInvalid, "%s: there is no file %s%s", what, path, asof.DidYouMean(filepath.Base(path), names))
}

// csvTypes are what a CSV file's text is compared as, by declared type.
var csvTypes = map[asof.ValueType]string{
	asof.TypeInt32: "BIGINT", asof.TypeInt64: "BIGINT", asof.TypeFloat32: "DOUBLE", asof.TypeFloat64: "DOUBLE",
	asof.TypeBool:      "BOOLEAN",
	asof.TypeInt32List: "BIGINT[]", asof.TypeInt64List: "BIGINT[]", asof.TypeFloat32List: "DOUBLE[]", asof.TypeFloat64List: "DOUBLE[]",
	asof.TypeBoolList: "BOOLEAN[]", asof.TypeStringList: "VARCHAR[]",
}

// comparedAs returns what values of a declared type are compared as, where it is
// not text.
func comparedAs(typ asof.Type) string {
	elem, list := typ.Element()
	switch compared, ok := csvTypes[elem.Value]; {
	case !list:
		return csvTypes[typ.Value]
	case ok:
		return compared + "[]"
	case elem.Value == asof.TypeString:
		return "VARCHAR[]"
	}
	return ""
}

// declared returns a CSV file's columns, all of them text, as what they are to
// be compared as. Keys and features are what the view declares, and get their
// type after the query: so they are rounded once, and a bad value is reported
// with its key. Times are cast in the query: DuckDB's CSV reader would make a
// NULL of what is none. The rest is what was detected.
func declared(view *asof.ViewQuery, columns []asof.SourceColumn) []asof.SourceColumn {
	types := map[string]asof.Type{}
	for i, t := range view.Ordered {
		types[view.Order[i]] = t
	}
	for _, k := range view.Keys {
		types[k.Column] = k.Type
	}
	for _, f := range view.Features {
		types[f.Column] = f.Type
	}
	out := make([]asof.SourceColumn, len(columns))
	for i, c := range columns {
		typ, known := types[c.Name]
		switch {
		case c.Name == view.Timestamp || c.Name == view.Created && c.Name != "":
			c.Native, c.Type, c.IsTime = pit.TextOf+"TIMESTAMPTZ", asof.Scalar(asof.TypeUnixTimestamp), true
		case known:
			c.Native, c.Type, c.IsTime = "VARCHAR", typ, false
			if compared := comparedAs(typ); compared != "" {
				c.Native = pit.TextOf + compared
			}
		case c.Native != "VARCHAR":
			c.Native = pit.TextOf + c.Native
		}
		out[i] = c
	}
	return out
}

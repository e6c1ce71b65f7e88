package historical

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// entityRows are entity rows, checked and ready to be joined.
type entityRows struct {
	asof.EntityRows
	timestamp string
	columns   []string
	count     int64 // 0: not known
}

func (e *entityRows) release() {
	if e.Records != nil {
		e.Records.Release()
	}
}

// open finds the entity rows and checks their columns against the choice.
func (r *Request) open(ctx context.Context, c *choice) (*entityRows, error) {
	e := r.Entities
	given := 0
	for _, set := range []bool{e.Path != "", e.SQL != "", e.JSON != "", e.Events != nil, e.Records != nil} {
		if set {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, asof.Errorf(asof.CodeInvalid, "entity rows are given in more than one way; give a file, SQL, JSON, or a span of time")
	case e.SQL != "":
		return r.openSQL(ctx, c)
	case e.JSON != "":
		return r.openJSON(c)
	case e.Events != nil:
		return r.openEvents(c)
	case e.Records != nil:
		return r.openRecords(ctx, c)
	case e.Path == "":
		return nil, asof.Errorf(asof.CodeInvalid, "entity rows are missing: give a .csv, .parquet or .arrow file, SQL, JSON, or a span of time")
	}
	switch ext := strings.ToLower(filepath.Ext(e.Path)); ext {
	case ".csv":
		return r.openCSV(ctx, c)
	case ".parquet":
		return r.openParquet(ctx, c)
	case ".arrow", ".feather":
		return r.openArrow(ctx, c)
	default:
		return nil, asof.Errorf(asof.CodeInvalid, "entity rows %s: files that end in %q are not read; give a .csv, .parquet or .arrow file", e.Path, ext)
	}
}

// openEvents has the store make the rows of what the views hold: their keys, as
// the first view declares each, and the time.
func (r *Request) openEvents(c *choice) (*entityRows, error) {
	var columns []column
	for _, k := range c.keys() {
		columns = append(columns, column{name: k.Entity, shown: k.Type.String(), typ: k.Type})
	}
	columns = append(columns, column{name: asof.EventTimestamp, typ: asof.Scalar(asof.TypeUnixTimestamp), isTime: true})
	e := &entityRows{EntityRows: asof.EntityRows{Events: r.Entities.Events}}
	return e, e.check("the rows of a span of time", columns, c, r.Label)
}

// openSQL lets the store describe the SELECT, so that it is held to the same
// checks as a file before anything runs.
func (r *Request) openSQL(ctx context.Context, c *choice) (*entityRows, error) {
	sql := strings.TrimRight(r.Entities.SQL, "; \t\r\n")
	source := &asof.DataSource{Name: "entity rows", Kind: asof.SourcePostgres, Query: sql,
		Tags: map[string]string{asof.ConnectionTag: asof.WarehouseConnection}}
	described, err := r.Store.Columns(ctx, source)
	if err != nil {
		return nil, err
	}
	columns := make([]column, len(described))
	for i, d := range described {
		columns[i] = column{name: d.Name, shown: d.Native, typ: d.Type, isTime: d.IsTime}
	}
	e := &entityRows{EntityRows: asof.EntityRows{SQL: sql}}
	return e, e.check("the SQL of the entity rows", columns, c, r.Label)
}

// column is a column of entity rows, whatever they are read from.
type column struct {
	name   string
	shown  string // its type in the words of where it is read from
	typ    asof.Type
	isTime bool
}

// check holds the columns against the choice and finds the timestamp.
func (e *entityRows) check(what string, columns []column, c *choice, label string) error {
	for _, col := range columns {
		e.columns = append(e.columns, col.name)
	}
	if err := checkNames(what, e.columns, c, label); err != nil {
		return err
	}
	for _, k := range c.keys() {
		col := columns[slices.Index(e.columns, k.Entity)]
		if !canCompare(col.typ, k.Type) {
			return asof.Errorf(asof.CodeInvalid, "%s: the join key %q is %s, which cannot be compared with its declared type %s",
				what, k.Entity, col.shown, k.Type)
		}
	}
	var err error
	e.timestamp, err = timestampOf(what, columns, c)
	return err
}

// checkNames refuses columns that are unnamed, double, named like a feature, or
// missing.
func checkNames(what string, columns []string, c *choice, label string) error {
	all := slices.Clone(columns)
	for i, name := range columns {
		if name == "" {
			return asof.Errorf(asof.CodeInvalid, "%s: column %d has no name; name it, or write the file without its index (to_csv(index=False))", what, i+1)
		}
		if slices.Contains(columns[:i], name) {
			return asof.Errorf(asof.CodeInvalid, "%s: two columns are named %q; rename one", what, name)
		}
	}
	for _, k := range c.keys() {
		if !slices.Contains(columns, k.Entity) {
			return because(ErrMissingKey, "%s: there is no column %q, the join key of %s%s",
				what, k.Entity, c.viewsOf(k.Entity), known(k.Entity, columns))
		}
	}
	needed, views := c.requestData()
	for i, name := range needed {
		if !slices.Contains(columns, name) {
			return because(ErrRequestData, "%s: there is no column %q, request data that on-demand feature view %q needs%s", what, name, views[i], known(name, columns))
		}
	}
	for _, f := range c.features {
		if slices.Contains(columns, f.output) {
			return asof.Errorf(asof.CodeInvalid, "%s: column %q has the name of the feature %q; %s", what, f.output, f.reference, c.wayOut(f))
		}
		all = append(all, f.output)
	}
	if label != "" && !slices.Contains(all, label) {
		return asof.Errorf(asof.CodeInvalid, "%s: there is no column %q to put last as the label%s", what, label, known(label, all))
	}
	return nil
}

func (c *choice) wayOut(f feature) string {
	if c.fullNames {
		return "rename the column, or leave it out"
	}
	return fmt.Sprintf("rename the column, leave it out, or ask for full feature names (--full-feature-names), here %s", f.full())
}

// viewsOf names the views that a join key belongs to.
func (c *choice) viewsOf(key string) string {
	var views []string
	for _, v := range c.views {
		name := fmt.Sprintf("%q", v.View)
		uses := slices.ContainsFunc(v.Keys, func(k asof.KeyColumn) bool { return k.Entity == key })
		if uses && !slices.Contains(views, name) {
			views = append(views, name)
		}
	}
	if len(views) == 1 {
		return "feature view " + views[0]
	}
	return "feature views " + strings.Join(views, ", ")
}

// known ends a sentence about a name that is missing.
func known(name string, all []string) string {
	if hint := asof.DidYouMean(name, all); hint != "" {
		return hint
	}
	return "; the columns are " + strings.Join(all, ", ")
}

// timestampOf returns the column of the event timestamp: the one of that name,
// else the only one that holds times and is no join key.
func timestampOf(what string, columns []column, c *choice) (string, error) {
	keys := c.keys()
	var times, all []string
	for _, col := range columns {
		if col.name == asof.EventTimestamp {
			if !col.isTime {
				return "", asof.Errorf(asof.CodeInvalid, "%s: column %q is %s, not a timestamp or a date; convert it", what, col.name, col.shown)
			}
			return col.name, nil
		}
		all = append(all, col.name)
		if col.isTime && !slices.ContainsFunc(keys, func(k asof.KeyColumn) bool { return k.Entity == col.name }) {
			times = append(times, col.name)
		}
	}
	switch len(times) {
	case 1:
		return times[0], nil
	case 0:
		return "", because(ErrNoTimestamp, "%s: there is no column %q, the time as of which each row asks, and no other column holds times%s",
			what, asof.EventTimestamp, known(asof.EventTimestamp, all))
	}
	return "", because(ErrNoTimestamp, "%s: there is no column %q, and more than one other holds times: %s; rename the one that counts to %s",
		what, asof.EventTimestamp, strings.Join(times, ", "), asof.EventTimestamp)
}

// canCompare reports whether values of a column can be join keys of a declared
// type. Whether each of them fits is seen when they are read.
func canCompare(have, declared asof.Type) bool {
	_, list := have.Element()
	text := have.Value == asof.TypeString
	switch {
	case have.Value == asof.TypeInvalid || declared.Value == asof.TypeInvalid || have.Equal(declared):
		return true
	case list || have.Value == asof.TypeStruct || have.Value == asof.TypeMap:
		return false
	}
	switch declared.Value {
	case asof.TypeInt32, asof.TypeInt64, asof.TypeFloat32, asof.TypeFloat64:
		return text || have.IsNumber()
	case asof.TypeBool, asof.TypeBytes:
		return text
	case asof.TypeUnixTimestamp:
		return text || have.Value == asof.TypeInt64
	}
	return have.Value != asof.TypeBool && have.Value != asof.TypeUnixTimestamp && have.Value != asof.TypeBytes
}

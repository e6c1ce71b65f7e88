package historical

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// Preview is the beginning of a training set, as text.
type Preview struct {
	Columns []string    `json:"columns"`
	Rows    [][]*string `json:"rows"` // nil is NULL
	More    int         `json:"more"` // columns that are left off
}

// Bounds of a preview, so that a page stays small.
const (
	previewRows    = 50
	previewColumns = 40
	previewLetters = 200
)

// Preview returns the first rows of a set.
func (s *Sets) Preview(ctx context.Context, set Set) (*Preview, error) {
	rows, err := s.rows(ctx, set, previewRows)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	p := &Preview{Columns: names(rows.Schema())}
	if n := len(p.Columns); n > previewColumns {
		p.Columns, p.More = p.Columns[:previewColumns], n-previewColumns
	}
	for len(p.Rows) < previewRows && rows.Next() {
		if err := p.add(rows.RecordBatch()); err != nil {
			return nil, err
		}
	}
	return p, rows.Err()
}

func (p *Preview) add(batch arrow.RecordBatch) error {
	some := batch.NewSlice(0, min(batch.NumRows(), int64(previewRows-len(p.Rows))))
	defer some.Release()
	from := len(p.Rows)
	for range some.NumRows() {
		p.Rows = append(p.Rows, make([]*string, len(p.Columns)))
	}
	forms := newForms(some.Schema())
	forms.see(some)
	for at := range p.Columns {
		column := some.Column(at)
		show, err := forms[at].cells(column)
		if err != nil {
			return err
		}
		if text, ok := column.(array.StringLike); ok { // without the quotes of CSV
			show = func(dst []byte, i int) []byte { return append(dst, text.Value(i)...) }
		}
		for i := range column.Len() {
			if column.IsValid(i) {
				text := shortened(string(show(nil, i)))
				p.Rows[from+i][at] = &text
			}
		}
	}
	return nil
}

func shortened(text string) string {
	if len(text) <= previewLetters {
		return text
	}
	return strings.ToValidUTF8(text[:previewLetters], "") + "…"
}

// rows opens the rows of a set, so many at a time; the caller releases them.
func (s *Sets) rows(ctx context.Context, set Set, batch int) (array.RecordReader, error) {
	if set.State != receipt.There {
		return nil, asof.Errorf(asof.CodeNotFound, "%s of training set %s is %s; reproduce makes the same again", whereIs(set.Receipt), set.ID, set.State)
	}
	if set.Table != "" {
		limit := 0
		if batch < batchRows {
			limit = batch
		}
		return s.Table(ctx, set.Table, limit)
	}
	path := set.Path(s.Dir)
	in := &input{path: path, what: "the training set " + set.Output, batch: batch, mem: memory.DefaultAllocator}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".parquet":
		p, err := in.openParquet()
		if err != nil {
			return nil, err
		}
		defer p.file.Close()
		return array.ReaderFromIter(p.schema, in.parquetBatches(ctx)), nil
	case ".csv":
		return in.typedCSV(ctx, set.Columns)
	}
	f, err := in.openArrow()
	if err != nil {
		return nil, err
	}
	defer f.close()
	return array.ReaderFromIter(f.schema, in.arrowBatches(ctx)), nil
}

func whereIs(r *receipt.Receipt) string {
	if r.Table != "" {
		return fmt.Sprintf("the table %q", r.Table)
	}
	return "the file " + r.Output
}

// typedCSV opens a CSV file that was written with a receipt, which knows its
// types. Of columns that CSV writes as other text, as it does lists, that text
// is read.
func (in *input) typedCSV(ctx context.Context, columns []receipt.Column) (array.RecordReader, error) {
	file, closer, err := in.openCSV()
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	t := &csvTable{input: in}
	for _, c := range columns {
		t.columns = append(t.columns, csvColumnOf(c))
	}
	if !slices.EqualFunc(file.header, columns, func(name string, c receipt.Column) bool { return name == c.Name }) {
		return nil, asof.Errorf(asof.CodeConflict, "%s has other columns than its receipt: it was changed by another program", in.what)
	}
	return array.ReaderFromIter(t.schema(), t.batches(ctx)), nil
}

// csvTypes are the types of receipts that CSV keeps.
var csvTypes = map[string]asof.ValueType{"text": asof.TypeString, "bool": asof.TypeBool, "int32": asof.TypeInt32, "int64": asof.TypeInt64,
	"float32": asof.TypeFloat32, "float64": asof.TypeFloat64}

func csvColumnOf(c receipt.Column) csvColumn {
	col := csvColumn{column: column{name: c.Name, typ: asof.Scalar(asof.TypeString)}}
	switch c.Type {
	case "timestamp":
		col.time = &arrow.TimestampType{Unit: arrow.Microsecond}
	case "timestamp with zone":
		col.time = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case "date":
		col.date = true
	default:
		if value, ok := csvTypes[c.Type]; ok {
			col.typ = asof.Scalar(value)
		}
	}
	return col
}

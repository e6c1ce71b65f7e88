package historical

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// jsonText is what the entity rows are called in messages.
const jsonText = "the JSON of the entity rows"

// jsonColumn is a column of a list of objects: the text of each value, and what
// the values are.
type jsonColumn struct {
	csvColumn
	cells                  []*string // nil: null, or left out
	texts, truths, numbers int
	guess                  guess
}

// openJSON reads entity rows from a list of objects. A join key has its
// declared type, the time is text; other columns are what their values are.
func (r *Request) openJSON(c *choice) (*entityRows, error) {
	table, rows, err := parseJSON(r.Entities.JSON)
	if err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, jsonText+`: the list has no columns; write [{"user_id": 7, "event_timestamp": "2024-01-31"}]`)
	}
	names := make([]string, len(table))
	for i, col := range table {
		names[i] = col.name
	}
	if err := checkNames(jsonText, names, c, r.Label); err != nil {
		return nil, err
	}
	keys, dated := c.keys(), slices.Contains(names, asof.EventTimestamp)
	columns := make([]column, len(table))
	for i, col := range table {
		if err := col.settle(keys, dated); err != nil {
			return nil, err
		}
		columns[i] = col.column
	}
	e := &entityRows{count: int64(rows)}
	if err := e.check(jsonText, columns, c, r.Label); err != nil {
		return nil, err
	}
	batch, err := r.jsonBatch(table, rows, e.timestamp)
	if err != nil {
		return nil, err
	}
	defer batch.Release()
	e.Schema = batch.Schema()
	e.Records, err = array.NewRecordReader(e.Schema, []arrow.RecordBatch{batch})
	return e, err
}

// parseJSON reads a list of objects into columns, in the order in which their
// names first come.
func parseJSON(text string) ([]*jsonColumn, int, error) {
	fail := func(format string, args ...any) ([]*jsonColumn, int, error) {
		if err, ok := args[len(args)-1].(error); ok && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			args[len(args)-1] = errors.New("it ends before its list does")
		}
		return nil, 0, asof.Errorf(asof.CodeInvalid, jsonText+": "+format, args...)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('[') {
		return fail("%s", `it is no list of objects; write [{"user_id": 7, "event_timestamp": "2024-01-31"}]`)
	}
	var table []*jsonColumn
	rows := 0
	for ; dec.More(); rows++ {
		if start, err := dec.Token(); err != nil || start != json.Delim('{') {
			return fail("element %d is no object", rows+1)
		}
		for dec.More() {
			name, err := dec.Token()
			var value any
			if err == nil {
				err = dec.Decode(&value)
			}
			if err != nil {
				return fail("%w", err)
			}
			at := slices.IndexFunc(table, func(c *jsonColumn) bool { return c.name == name })
			if at < 0 {
				at = len(table)
				table = append(table, &jsonColumn{csvColumn: csvColumn{column: column{name: name.(string)}}})
			}
			if err := table[at].add(rows, value); err != nil {
				return fail("element %d: %w", rows+1, err)
			}
		}
		if _, err := dec.Token(); err != nil {
			return fail("%w", err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fail("%w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fail("%s", "something follows the list")
	}
	return table, rows, nil
}

// add adds a value; rows that had none are null.
func (c *jsonColumn) add(row int, value any) error {
	if len(c.cells) > row {
		return fmt.Errorf("%q is there twice", c.name)
	}
	for len(c.cells) < row {
		c.cells = append(c.cells, nil)
	}
	var text string
	switch v := value.(type) {
	case nil:
		c.cells = append(c.cells, nil)
		return nil
	case string:
		text = v
		c.texts++
	case bool:
		text = fmt.Sprint(v)
		c.truths++
	case json.Number:
		text = v.String()
		c.numbers++
	default:
		return fmt.Errorf("%q is a list or an object; write a number, a text, true, false or null", c.name)
	}
	c.guess.add(text)
	c.cells = append(c.cells, &text)
	return nil
}

// settle decides what the column is. Dated says that the column of the time has
// its name, so that no other is one.
func (c *jsonColumn) settle(keys []asof.KeyColumn, dated bool) error {
	kinds := 0
	for _, n := range []int{c.texts, c.truths, c.numbers} {
		if n > 0 {
			kinds++
		}
	}
	c.typ = c.guess.typ()
	if c.texts > 0 {
		c.typ = asof.Scalar(asof.TypeString)
	}
	at := slices.IndexFunc(keys, func(k asof.KeyColumn) bool { return k.Entity == c.name })
	switch {
	case at >= 0:
		c.key = true
		if keys[at].Type.Value != asof.TypeInvalid {
			c.typ = keys[at].Type
		}
	case kinds > 1:
		return asof.Errorf(asof.CodeInvalid, "%s: %q holds values of more than one kind; write numbers, texts, or truths alone", jsonText, c.name)
	case c.name == asof.EventTimestamp && (c.numbers > 0 || c.truths > 0 || c.texts > 0 && !c.guess.isTime()):
		return asof.Errorf(asof.CodeInvalid, "%s: %s holds what is not a time; write it as \"2024-01-31\" or \"2024-01-31T10:00:00Z\"", jsonText, c.name)
	case c.name == asof.EventTimestamp || !dated && c.texts > 0 && c.guess.isTime():
		c.isTime, c.time = true, c.guess.timeType()
	}
	c.shown = c.typ.String()
	return nil
}

// jsonBatch makes the rows of the columns.
func (r *Request) jsonBatch(table []*jsonColumn, rows int, timestamp string) (arrow.RecordBatch, error) {
	mem := r.allocator()
	var fields []arrow.Field
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, c := range table {
		if c.name != timestamp {
			c.time = nil
		}
		b := array.NewStringBuilder(mem)
		for i := range rows {
			if i < len(c.cells) && c.cells[i] != nil {
				b.Append(*c.cells[i])
			} else {
				b.AppendNull()
			}
		}
		text := b.NewStringArray()
		b.Release()
		values, err := c.values(text, mem)
		text.Release()
		if bad := (*asof.CastError)(nil); errors.As(err, &bad) {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: element %d: %s is %s, which %s", jsonText, bad.Row+1, c.name, bad.Value, c.misfit())
		}
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: c.name, Type: values.DataType(), Nullable: true})
		columns = append(columns, values)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(rows)), nil
}

package historical

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// writeJSON writes rows as pandas' to_json(orient="records", indent=4) lays them
// out: times as milliseconds since 1970, NaN and infinities as null. Numbers
// are in the shortest form that reads back as the same number of their width.
func writeJSON(ctx context.Context, rows *tally, w io.Writer) error {
	out := bufio.NewWriter(w)
	names := names(rows.Schema())
	for i, name := range names {
		names[i] = string(appendString([]byte("\n        "), name)) + ":"
	}
	first := true
	var line []byte
	err := rows.each(ctx, func(batch arrow.RecordBatch) error {
		cells := make([]cell, batch.NumCols())
		for i, c := range batch.Columns() {
			var err error
			if cells[i], err = jsonCell(c); err != nil {
				return err
			}
		}
		for row := range int(batch.NumRows()) {
			line = append(line[:0], ',')
			if first {
				line[0], first = '[', false
			}
			line = append(line, "\n    {"...)
			for i, c := range batch.Columns() {
				if i > 0 {
					line = append(line, ',')
				}
				line = append(line, names[i]...)
				if c.IsNull(row) {
					line = append(line, "null"...)
				} else {
					line = cells[i](line, row)
				}
			}
			if _, err := out.Write(append(line, "\n    }"...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	end := "\n]\n"
	if first {
		end = "[]\n"
	}
	_, err = out.WriteString(end)
	if err == nil {
		err = out.Flush()
	}
	return err
}

// jsonCell returns how to write a value that is not NULL.
func jsonCell(column arrow.Array) (cell, error) {
	if micros, ok := asof.Instants(column, asof.RoundDown); ok {
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, micros(i)/1000, 10) }, nil
	}
	switch c := column.(type) {
	case *array.Float64:
		return func(dst []byte, i int) []byte { return appendJSONFloat(dst, c.Value(i), 64) }, nil
	case *array.Float32:
		return func(dst []byte, i int) []byte { return appendJSONFloat(dst, float64(c.Value(i)), 32) }, nil
	case array.StringLike:
		return func(dst []byte, i int) []byte { return appendString(dst, c.Value(i)) }, nil
	case binary:
		return func(dst []byte, i int) []byte {
			return append(base64.StdEncoding.AppendEncode(append(dst, '"'), c.Value(i)), '"')
		}, nil
	case array.ListLike, *array.Struct:
		text, err := asof.Cast(column, asof.Scalar(asof.TypeString), memory.NewGoAllocator())
		if err != nil {
			return nil, err
		}
		values := text.(*array.String) // on Go's heap, so nothing to release
		return func(dst []byte, i int) []byte { return append(dst, values.Value(i)...) }, nil
	}
	switch column.DataType().ID() {
	case arrow.BOOL, arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.DECIMAL128, arrow.DECIMAL256:
		return func(dst []byte, i int) []byte { return append(dst, column.ValueStr(i)...) }, nil
	}
	return func(dst []byte, i int) []byte { return appendString(dst, column.ValueStr(i)) }, nil
}

// appendJSONFloat writes a float so that every reader takes it for one.
func appendJSONFloat(dst []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return appendFloat(dst, v, bits)
}

func appendString(dst []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil || !utf8.ValidString(text) {
		return strconv.AppendQuoteToASCII(dst, text)
	}
	return append(dst, quoted...)
}

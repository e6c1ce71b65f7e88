package push

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// given reports whether the rows hold the features of an on-demand view rather
// than what those are computed from: Feast's SDK computes before it sends.
func (b *builder) given() bool {
	for _, f := range b.view.Features {
		if b.rows.find(f.Name) == nil {
			return false
		}
	}
	for _, in := range b.view.program.Inputs() {
		if !in.Key && b.input(in) == nil {
			return true
		}
	}
	return false
}

// oncePerRow drops every second value of join keys that are there twice in each
// row: so does Feast's SDK send what it has computed.
func oncePerRow(columns []Column, keys []string) []Column {
	n := -1
	for i := range columns {
		if !slices.Contains(keys, columns[i].Name) {
			n = columns[i].len()
			break
		}
	}
	columns = slices.Clone(columns)
	for i := range columns {
		c := &columns[i]
		if n < 1 || len(c.JSON) != 2*n || !slices.Contains(keys, c.Name) {
			continue
		}
		once := make([]string, 0, n)
		for at := 0; at < 2*n && c.JSON[at] == c.JSON[at+1]; at += 2 {
			once = append(once, c.JSON[at])
		}
		if len(once) == n {
			c.JSON = once
		}
	}
	return columns
}

// input returns the column of an input, which may be called by its feature's
// full name.
func (b *builder) input(in ondemand.Input) *Column { return b.rows.find(in.Name, in.Feature) }

// compute adds the features, computed from the rows.
func (b *builder) compute(ctx context.Context) {
	program := b.view.program
	inputs := &builder{view: b.view, rows: b.rows}
	defer inputs.release()
	for _, in := range program.Inputs() {
		role := fmt.Sprintf("%q, which on-demand feature view %q is computed from,", in.Feature, b.view.Name)
		c := b.input(in)
		switch {
		case c == nil && in.Key:
			inputs.add(in.Name, array.MakeArrayOfNull(memory.DefaultAllocator, in.Type.Arrow(), b.rows.n), nil)
		case c == nil:
			b.err = asof.Errorf(asof.CodeInvalid, "%s is missing: the rows have only %s", role, b.rows.has())
		default:
			values, err := c.cast(in.Type, role)
			inputs.add(in.Name, values, err)
			b.err = err
		}
		if b.err != nil {
			return
		}
	}
	batch := array.NewRecordBatch(arrow.NewSchema(inputs.fields, nil), inputs.columns, int64(b.rows.n))
	defer batch.Release()
	out, err := program.Run(ctx, batch, memory.DefaultAllocator)
	if err != nil {
		b.err = err
		return
	}
	defer out.Release()
	for i, f := range b.view.Features {
		out.Column(i).Retain()
		b.add(f.Name, out.Column(i), nil)
	}
}

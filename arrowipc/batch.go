package arrowipc

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// mostSpread is how many bytes a column may come to that tells values more often
// than it holds them.
const mostSpread = 256 << 20

// CheckBatch checks every value of a batch, to the last offset. It reads the
// batch through once.
func CheckBatch(batch arrow.RecordBatch) (err error) {
	name := ""
	defer func() {
		if wrong := recover(); wrong != nil {
			err = fmt.Errorf("column %q: %v", name, wrong)
		}
	}()
	for i, column := range batch.Columns() {
		name = batch.ColumnName(i)
		if int64(column.Len()) != batch.NumRows() {
			return fmt.Errorf("column %q has %d rows, the batch %d", name, column.Len(), batch.NumRows())
		}
		if err := validate(column); err != nil {
			return fmt.Errorf("column %q: %w", name, err)
		}
		if size := spread(column); size > mostSpread && size > 64*int64(column.Data().SizeInBytes()) {
			return fmt.Errorf("column %q comes to %d bytes, of which it holds %d", name, size, column.Data().SizeInBytes())
		}
	}
	return nil
}

func validate(column arrow.Array) error {
	data := withNulls(column.Data())
	defer data.Release()
	whole := array.MakeFromData(data)
	defer whole.Release()
	return array.ValidateFull(whole)
}

// withNulls gives columns of type null the one buffer, always empty, that the
// library's check asks for and its reader leaves out.
func withNulls(data arrow.ArrayData) arrow.ArrayData {
	if data.DataType().ID() == arrow.NULL {
		return array.NewData(arrow.Null, data.Len(), []*memory.Buffer{nil}, nil, data.Len(), data.Offset())
	}
	if len(data.Children()) == 0 {
		data.Retain()
		return data
	}
	children := make([]arrow.ArrayData, len(data.Children()))
	for i, child := range data.Children() {
		children[i] = withNulls(child)
		defer children[i].Release()
	}
	return array.NewData(data.DataType(), data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
}

// spread is how many bytes a column's values have that may be told many times;
// 0 for a column whose values are each there once.
func spread(column arrow.Array) (size int64) {
	switch c := column.(type) {
	case *array.Dictionary:
		lengths := lengthOf(c.Dictionary())
		for i := range c.Len() {
			if c.IsValid(i) {
				size += lengths(c.GetValueIndex(i))
			}
		}
	case array.ViewLike:
		lengths := lengthOf(c)
		for i := range c.Len() {
			if c.IsValid(i) {
				size += lengths(i)
			}
		}
	case array.ListLike:
		return spread(c.ListValues())
	case *array.Struct:
		for i := range c.NumField() {
			size += spread(c.Field(i))
		}
	case array.ExtensionArray:
		return spread(c.Storage())
	}
	return size
}

// lengthOf returns the length of each value: of nested ones that of all together.
func lengthOf(values arrow.Array) func(int) int64 {
	switch v := values.(type) {
	case array.StringLike:
		return func(i int) int64 { return int64(len(v.Value(i))) }
	case array.BinaryLike:
		return func(i int) int64 { return int64(v.ValueLen(i)) }
	}
	if _, fixed := values.DataType().(arrow.FixedWidthDataType); fixed {
		return func(int) int64 { return 8 }
	}
	all := int64(values.Data().SizeInBytes())
	return func(int) int64 { return all }
}

package ondemand

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// sample is one made-up row of the inputs, of nulls where nulls is set.
func sample(inputs []Input, nulls bool) arrow.RecordBatch {
	fields := make([]arrow.Field, len(inputs))
	columns := make([]arrow.Array, len(inputs))
	for i, in := range inputs {
		t := in.Type.Arrow()
		b := array.NewBuilder(memory.DefaultAllocator, t)
		if nulls {
			b.AppendNull()
		} else {
			appendSample(b)
		}
		fields[i] = arrow.Field{Name: in.Name, Type: t, Nullable: true}
		columns[i] = b.NewArray()
		b.Release()
	}
	defer releaseAll(columns)
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1)
}

func appendSample(b array.Builder) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(true)
	case *array.Int32Builder:
		b.Append(1)
	case *array.Int64Builder:
		b.Append(1)
	case *array.Float32Builder:
		b.Append(1)
	case *array.Float64Builder:
		b.Append(1)
	case *array.StringBuilder:
		b.Append("1")
	case *array.BinaryBuilder:
		b.Append([]byte("1"))
	case *array.TimestampBuilder:
		b.Append(1_704_164_645_000_000)
	case *array.ListBuilder:
		b.Append(true)
		appendSample(b.ValueBuilder())
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			appendSample(b.FieldBuilder(i))
		}
	default:
		b.AppendNull()
	}
}

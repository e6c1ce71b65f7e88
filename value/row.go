package value

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// appendColumn appends one value to a packed row. Nulls take no room.
func appendColumn(dst []byte, number int32, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, protowire.Number(number), protowire.BytesType), value)
}

// Unpack puts key i of r, which has the packed row, into the reading: its time
// and the values of the features, whose numbers are in the order of r.Features.
// A feature that the row does not hold stays null. A damaged row is an error.
func Unpack(r *asof.Reading, numbers []int32, i int, event int64, row []byte) error {
	r.Found[i], r.Events[i] = true, event
	next := 0 // rows and requests mostly have the same order
	for len(row) > 0 {
		number, typ, n := protowire.ConsumeTag(row)
		if n < 0 || typ != protowire.BytesType {
			return damaged(r)
		}
		value, m := protowire.ConsumeBytes(row[n:])
		if m < 0 {
			return damaged(r)
		}
		row = row[n+m:]
		for range numbers {
			at := next
			if next++; next == len(numbers) {
				next = 0
			}
			if numbers[at] == int32(number) {
				r.Columns[at].Set(i, value)
				break
			}
		}
	}
	return nil
}

func damaged(r *asof.Reading) error {
	return asof.Errorf(asof.CodeInternal, "a row of view %q in the online store is damaged; materialize the view again", r.View.Name)
}

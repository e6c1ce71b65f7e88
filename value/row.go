package value

import (
	"slices"

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
	reserve(r, i, len(row))
	keys, spans := len(r.Keys), r.Spans
	next := 0          // rows and requests mostly have the same order
	from, to := 0, 0   // of row: values asked for that follow one another, which are copied at once
	base := len(r.Buf) // where row begins in Buf, as if it were copied from there to from
	for at := 0; at < len(row); {
		if at == to && next < len(numbers) {
			if n, end := inOrder(spans[next*keys+i:], keys, numbers[next:], row, at, base); n > 0 {
				if next += n; next == len(numbers) {
					next = 0
				}
				at, to = end, end
				continue
			}
		}
		number, start, end := int32(0), 0, -1
		if at+2 < len(row) { // fewer than 2048 features and values of fewer than 128 bytes are read here
			tag := int32(row[at])
			if start = at + 2; tag >= 0x80 {
				tag, start = tag&0x7f|int32(row[at+1])<<7, at+3
			}
			if length := int(row[start-1]); tag&7 == int32(protowire.BytesType) && tag < 1<<14 && length < 0x80 && start+length <= len(row) {
				number, end = tag>>3, start+length
			}
		}
		if number == 0 {
			if number, start, end = element(row, at); end < 0 {
				return damaged(r)
			}
		}
		for range numbers {
			feature := next
			if next++; next == len(numbers) {
				next = 0
			}
			if numbers[feature] != number {
				continue
			}
			if at != to {
				r.Buf = append(r.Buf, row[from:to]...)
				from, base = at, len(r.Buf)-at
			}
			to = end
			spans[feature*keys+i] = asof.Span{Start: int32(base + start), End: int32(base + end)}
			break
		}
		at = end
	}
	r.Buf = append(r.Buf, row[from:to]...)
	return nil
}

// inOrder takes elements of a packed row, from a place on, while they are those
// of the numbers, in that order, and short. It returns how many there were and
// where they end. The spans are a feature apart by so many keys, and begin at
// base.
func inOrder(spans []asof.Span, keys int, numbers []int32, row []byte, at, base int) (n, end int) {
	for n, number := range numbers {
		if at+3 >= len(row) {
			return n, at
		}
		tag, length, start := uint32(row[at]), row[at+1], at+2
		if tag >= 0x80 {
			tag, length, start = tag&0x7f|uint32(length)<<7, row[at+2], at+3
		}
		end := start + int(length)
		if tag-8 >= 1<<14-8 || tag != uint32(number)<<3|uint32(protowire.BytesType) || length >= 0x80 || end > len(row) {
			return n, at
		}
		spans[n*keys] = asof.Span{Start: int32(base + start), End: int32(base + end)}
		switch length { // a jump and no sum: the processor goes on to what follows before the length is read
		case 2:
			at = start + 2
		case 5:
			at = start + 5
		case 9:
			at = start + 9
		default:
			at = end
		}
	}
	return len(numbers), at
}

// reserve makes room for the row of key i and for those that follow, if they are
// about as long: a buffer that grows bit by bit is copied many times.
func reserve(r *asof.Reading, i, row int) {
	const most = 1 << 20
	if cap(r.Buf)-len(r.Buf) < row {
		r.Buf = slices.Grow(r.Buf, max(row, min(row*(len(r.Keys)-i)*9/8, max(most, cap(r.Buf)))))
	}
}

// element returns the number of the element that begins at a place of a packed
// row, and where its value starts and ends; a negative end where there is none.
func element(row []byte, at int) (number int32, start, end int) {
	n, typ, size := protowire.ConsumeTag(row[at:])
	if size < 0 || typ != protowire.BytesType {
		return 0, 0, -1
	}
	value, length := protowire.ConsumeBytes(row[at+size:])
	if length < 0 {
		return 0, 0, -1
	}
	end = at + size + length
	return int32(n), end - len(value), end
}

func damaged(r *asof.Reading) error {
	return asof.Errorf(asof.CodeInternal, "a row of view %q in the online store is damaged; materialize the view again", r.View.Name)
}

package value

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/asof-dev/asof"
)

// AppendColumn appends the values of a feature as AppendJSON does, each with a
// comma behind it, and returns how many of them are null. The values are those
// of the spans of buf at the places given.
//
// The values that most features have are written here, at most room bytes and
// without jumps that depend on what they are: a processor would guess every
// second wrong.
func AppendColumn(dst, buf []byte, spans []asof.Span, at []int32, form Form) (_ []byte, nulls int) {
	for _, i := range at {
		span := spans[i]
		if cap(dst)-len(dst) < room {
			dst = slices.Grow(dst, room)
		}
		v, n := buf[span.Start:span.End], 0
		if text := (*[room]byte)(dst[len(dst) : len(dst)+room]); len(v) > 1 {
			switch tag, rest := v[0], v[1:]; {
			case tag == tagFloat32 && len(rest) == 4 && form != Plain:
				n = putFloat(text, float64(math.Float32frombits(binary.LittleEndian.Uint32(rest))))
			case tag == tagFloat64 && len(rest) == 8:
				n = putFloat(text, math.Float64frombits(binary.LittleEndian.Uint64(rest)))
			case (tag == tagInt64 || tag == tagInt32) && len(rest) == 1 && rest[0] < 0x80:
				n = putSmall(text, uint64(rest[0]))
			case (tag == tagInt64 || tag == tagInt32) && len(rest) == 2 && rest[1] < 0x80 && rest[0] >= 0x80:
				n = putSmall(text, uint64(rest[0]&0x7f)|uint64(rest[1])<<7)
			case tag == tagBool && len(rest) == 1 && rest[0] < 2:
				binary.LittleEndian.PutUint64(text[:], booleans[rest[0]])
				n = 5 - int(rest[0])
			case tag == tagString && int(rest[0]) == len(rest)-1 && len(rest) <= 17 && int(span.Start)+18 <= len(buf):
				n = putString(text, (*[16]byte)(buf[span.Start+2:span.Start+18]), len(rest)-1)
			}
		} else if len(v) == 0 {
			nulls++
		}
		if n == 0 {
			dst = append(AppendJSON(dst, v, form), ',')
			continue
		}
		dst = dst[:len(dst)+n+1]
		dst[len(dst)-1] = ','
	}
	return dst, nulls
}

// booleans are false and true, the first letter in the lowest byte.
var booleans = [2]uint64{'f' | 'a'<<8 | 'l'<<16 | 's'<<24 | 'e'<<32, 't' | 'r'<<8 | 'u'<<16 | 'e'<<24}

// putSmall writes a whole number and returns its length; 0 for one that it does
// not write, from 1000.
func putSmall(text *[room]byte, n uint64) int {
	if n >= uint64(len(small)) {
		return 0
	}
	binary.LittleEndian.PutUint32(text[:], small[n])
	return int(small[n] >> 24)
}

// small are the numbers up to 999 as text, the first digit in the lowest byte,
// and in the highest how many digits there are.
var small = func() (words [1000]uint32) {
	for n := range words {
		text := strconv.Itoa(n)
		words[n] = uint32(len(text)) << 24
		for i := range text {
			words[n] |= uint32(text[i]) << (8 * i)
		}
	}
	return words
}()

// putString writes the first letters of from as a JSON string, and returns its
// length; 0 where one of them has to be escaped.
func putString(text *[room]byte, from *[16]byte, letters int) int {
	low, high := binary.LittleEndian.Uint64(from[:8]), binary.LittleEndian.Uint64(from[8:])
	if front := &fronts[letters]; special(low)&front[0]|special(high)&front[1] != 0 {
		return 0
	}
	text[0] = '"'
	binary.LittleEndian.PutUint64(text[1:], low)
	binary.LittleEndian.PutUint64(text[9:], high)
	text[1+letters] = '"'
	return letters + 2
}

// fronts have all bits of the first n of sixteen bytes.
var fronts = func() (words [17][2]uint64) {
	for n := range words {
		words[n] = [2]uint64{1<<(8*min(n, 8)) - 1, 1<<(8*max(n-8, 0)) - 1}
	}
	return words
}()

// special sets the highest bit of each byte that is not plain, and of some that
// follow one.
func special(w uint64) uint64 {
	const each = 0x0101010101010101
	below, above := w-' '*each, w+each // of 0x20, and 0x7f
	quote, slash := (w^'"'*each)-each, (w^'\\'*each)-each
	return (w | below | above | quote | slash) & (0x80 * each)
}

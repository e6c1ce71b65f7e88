package value

import (
	"encoding/binary"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// AppendColumn appends the values of a feature as AppendJSON does, each with a
// comma behind it, and returns how many of them are null. The values are those
// of the spans of buf at the places given.
//
// The values that most features have are written by a loop for their type, and
// nearly without jumps that depend on what they are: a processor would guess
// every second wrong.
func AppendColumn(dst, buf []byte, spans []asof.Span, at []int32, form Form) (_ []byte, nulls int) {
	for len(at) > 0 {
		v, n := buf[spans[at[0]].Start:spans[at[0]].End], 0
		switch {
		case len(v) < 2:
		case len(at) > 1 && (v[0] == tagFloat32 || v[0] == tagFloat64): // a block costs more than one float
			dst, n = appendFloats(dst, buf, spans, at, form)
		case v[0] == tagInt64 || v[0] == tagInt32:
			dst, n = appendInts(dst, buf, spans, at)
		case v[0] == tagBool:
			dst, n = appendBools(dst, buf, spans, at)
		case v[0] == tagString:
			dst, n = appendStrings(dst, buf, spans, at)
		}
		if n == 0 {
			if len(v) == 0 {
				nulls++
			}
			dst, n = append(AppendJSON(dst, v, form), ','), 1
		}
		at = at[n:]
	}
	return dst, nulls
}

func appendInts(dst, buf []byte, spans []asof.Span, at []int32) ([]byte, int) {
	for i, k := range at {
		v := buf[spans[k].Start:spans[k].End]
		if len(v) < 2 || v[0] != tagInt64 && v[0] != tagInt32 {
			return dst, i
		}
		if cap(dst)-len(dst) < room {
			dst = slices.Grow(dst, room)
		}
		text := (*[room]byte)(dst[len(dst) : len(dst)+room])
		if len(v) == 2 && v[1] < 0x80 {
			digits := small[v[1]]
			binary.LittleEndian.PutUint32(text[:], digits)
			n := digits >> 24
			text[n&3] = ','
			dst = dst[:len(dst)+int(n)+1]
			continue
		}
		whole, n := protowire.ConsumeVarint(v[1:])
		if n != len(v)-1 {
			return dst, i
		}
		dst = append(strconv.AppendInt(dst, int64(whole), 10), ',')
	}
	return dst, len(at)
}

func appendBools(dst, buf []byte, spans []asof.Span, at []int32) ([]byte, int) {
	for i, k := range at {
		v := buf[spans[k].Start:spans[k].End]
		if len(v) != 2 || v[0] != tagBool || v[1] > 1 {
			return dst, i
		}
		if cap(dst)-len(dst) < room {
			dst = slices.Grow(dst, room)
		}
		text := (*[room]byte)(dst[len(dst) : len(dst)+room])
		binary.LittleEndian.PutUint64(text[:], booleans[v[1]])
		dst = dst[:len(dst)+6-int(v[1])]
	}
	return dst, len(at)
}

// appendStrings appends strings of up to 16 letters that stand as they are.
func appendStrings(dst, buf []byte, spans []asof.Span, at []int32) ([]byte, int) {
	for i, k := range at {
		start, end := int(spans[k].Start), int(spans[k].End)
		letters := end - start - 2
		if uint(letters) > 16 || start+18 > len(buf) {
			return dst, i
		}
		v := (*[18]byte)(buf[start:])
		if v[0] != tagString || int(v[1]) != letters {
			return dst, i
		}
		low, high := binary.LittleEndian.Uint64(v[2:]), binary.LittleEndian.Uint64(v[10:])
		if front := &fronts[letters]; special(low)&front[0]|special(high)&front[1] != 0 {
			return dst, i
		}
		if cap(dst)-len(dst) < room {
			dst = slices.Grow(dst, room)
		}
		text := (*[room]byte)(dst[len(dst) : len(dst)+room])
		text[0] = '"'
		binary.LittleEndian.PutUint64(text[1:], low)
		binary.LittleEndian.PutUint64(text[9:], high)
		binary.LittleEndian.PutUint16(text[1+letters:], '"'|','<<8)
		dst = dst[:len(dst)+letters+3]
	}
	return dst, len(at)
}

// booleans are false and true with a comma, the first letter in the lowest byte.
var booleans = [2]uint64{'f' | 'a'<<8 | 'l'<<16 | 's'<<24 | 'e'<<32 | ','<<40, 't' | 'r'<<8 | 'u'<<16 | 'e'<<24 | ','<<32}

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

package value

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/asof-dev/asof"
)

// block is how many floats are printed at once: each step is done for all of
// them before the next one, so that the processor has many at hand that do not
// wait for one another.
const block = 16

// decimals are floats on their way to text.
type decimals struct {
	words     [block]uint64 // the doubles
	fractions [block]uint64 // what shortest returns
	scales    [block]uint8  // the scale's place in scales
	heads     [block]uint64 // what stands up to the decimal point, the first letter in the lowest byte
	lengths   [block]uint64 // of the heads
	zeros     [block]uint64 // 1 for a whole number: the zero behind its point is not among the digits
}

// appendFloats appends the values at the places given up to one that is no float
// as it is written, and returns how many there were.
func appendFloats(dst, buf []byte, spans []asof.Span, at []int32, form Form) ([]byte, int) {
	var d decimals
	done := 0
	for done < len(at) {
		part := at[done:min(len(at), done+block)]
		read := d.read(buf, spans, part, form)
		for from := 0; from < read; {
			to := d.shorten(from, read)
			dst = d.append(dst, from, to)
			if from = to; to < read {
				span := spans[part[to]]
				dst = append(AppendJSON(dst, buf[span.Start:span.End], form), ',')
				from++
			}
		}
		if done += read; read < len(part) {
			break
		}
	}
	return dst, done
}

// read takes the values at the places given up to one that is no float.
func (d *decimals) read(buf []byte, spans []asof.Span, at []int32, form Form) int {
	for i, k := range at {
		v := buf[spans[k].Start:spans[k].End]
		switch {
		case len(v) == 9 && v[0] == tagFloat64:
			d.words[i&(block-1)] = binary.LittleEndian.Uint64(v[1:])
		case len(v) == 5 && v[0] == tagFloat32 && form != Plain:
			d.words[i&(block-1)] = math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(v[1:]))))
		default:
			return i
		}
	}
	return len(at)
}

// shorten finds the digits of floats up to one of which it does not, and returns
// the place of that: those that putFloat does not write, and those from 1e6.
func (d *decimals) shorten(from, to int) int {
	for i := from; i < to; i++ {
		word := d.words[i&(block-1)]
		c, s := word&(1<<52-1)|1<<52, 1075-uint(word>>52&0x7ff) // the float is c·2^-s
		whole, rest := c>>(s&63), c<<(-s&63)
		if s-1 >= 63 || whole >= 1e6 || c == 1<<52 && rest != 0 {
			return i
		}
		var zero uint64
		if rest == 0 {
			zero = 1
		}
		head, minus := dotted[min(whole, 999)], word>>63
		if whole > 999 {
			head = thousands(whole)
		}
		// What is behind the letters of a head is written over.
		d.heads[i&(block-1)] = head<<(8*minus) | '-'&-minus
		d.lengths[i&(block-1)] = head>>56 + minus
		d.zeros[i&(block-1)] = zero
		d.scales[i&(block-1)] = uint8(s)
		d.fractions[i&(block-1)] = scales[s&63].shortest(rest, c)
	}
	return to
}

// append appends floats as text, each with a comma behind it.
func (d *decimals) append(dst []byte, from, to int) []byte {
	dst = slices.Grow(dst, block*room)
	for i := from; i < to; i++ {
		text := (*[room]byte)(dst[len(dst) : len(dst)+room])
		binary.LittleEndian.PutUint64(text[:], d.heads[i&(block-1)])
		end := putFraction(text, d.lengths[i&(block-1)], d.fractions[i&(block-1)], &scales[d.scales[i&(block-1)]&63])
		end += int(d.zeros[i&(block-1)])
		text[end&63] = ','
		dst = dst[:len(dst)+end+1]
	}
	return dst
}

// dotted are the numbers up to 999 as text with a point behind it, the first
// digit in the lowest byte, and in the highest how many letters there are.
var dotted = func() (words [1000]uint64) {
	for n := range words {
		digits := uint64(small[n] >> 24)
		words[n] = uint64(small[n]&0xffffff) | '.'<<(8*digits) | (digits+1)<<56
	}
	return words
}()

// thousands is what dotted is, of a number from 1000 to 999,999.
func thousands(n uint64) uint64 {
	first, last := small[n/1000], uint64(threes[n%1000])|letters&0xffffff|'.'<<24
	digits := uint64(first >> 24)
	return uint64(first&0xffffff) | last<<(8*digits&63) | (digits+4)<<56
}

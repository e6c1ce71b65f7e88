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
}

// appendFloats appends the values at the places given up to one that it does not
// write, and returns how many it wrote.
func appendFloats(dst, buf []byte, spans []asof.Span, at []int32, form Form) ([]byte, int) {
	var d decimals
	done := 0
	for done < len(at) {
		part := at[done:min(len(at), done+block)]
		n := d.read(buf, spans, part, form)
		n = d.shorten(n)
		dst = d.append(dst, n)
		if done += n; n < len(part) {
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

// shorten finds the digits of the first n floats up to one of which it does not.
func (d *decimals) shorten(n int) int {
	for i, word := range d.words[:n] {
		c, s := word&(1<<52-1)|1<<52, 1075-uint(word>>52&0x7ff) // the float is c·2^-s
		whole, rest := c>>(s&63), c<<(-s&63)
		if s-1 >= 63 || whole >= uint64(len(dotted)) || c == 1<<52 && rest != 0 {
			return i
		}
		d.scales[i] = uint8(s)
		minus := word >> 63
		head, length := dotted[whole], dotted[whole]>>56
		if rest == 0 {
			head |= '0' << (8 * (length & 7))
			length++
		}
		d.heads[i] = head<<(8*minus) | '-'&-minus
		d.lengths[i] = length + minus
		d.fractions[i] = scales[s&63].shortest(rest, c)
	}
	return n
}

// append appends the first n floats as text, each with a comma behind it.
func (d *decimals) append(dst []byte, n int) []byte {
	dst = slices.Grow(dst, block*room)
	for i := range n {
		text := (*[room]byte)(dst[len(dst) : len(dst)+room])
		binary.LittleEndian.PutUint64(text[:], d.heads[i&(block-1)])
		end := putFraction(text, d.lengths[i&(block-1)], d.fractions[i&(block-1)], &scales[d.scales[i&(block-1)]&63])
		text[end&63] = ','
		dst = dst[:len(dst)+end+1]
	}
	return dst
}

// dotted are the numbers up to 999 as text with a point behind it, the first
// digit in the lowest byte, and in the highest how many letters there are.
var dotted = func() (words [1000]uint64) {
	for n := range words {
		length := uint64(small[n] >> 24)
		words[n] = uint64(small[n]&0xffffff) | '.'<<(8*length) | (length+1)<<56
	}
	return words
}()

package value

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// AppendFloat appends a finite float as Python prints it: the shortest digits
// that read back as the same float of that many bits, always with a decimal
// point or an exponent, and an exponent below 0.0001 and from 1e16.
func AppendFloat(dst []byte, v float64, size int) []byte {
	abs := math.Abs(v)
	if size == 64 {
		dst = slices.Grow(dst, room)
		if n := putFloat((*[room]byte)(dst[len(dst):len(dst)+room]), v); n > 0 {
			return dst[:len(dst)+n]
		}
	}
	switch whole := int64(v); {
	case v == float64(whole) && whole != 0 && (abs < 1<<24 || size == 64 && abs < 1<<53): // all digits count
		return append(strconv.AppendInt(dst, whole, 10), ".0"...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(dst, v, 'e', -1, size)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, size)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// room is what the longest number takes, with what is written too much: a power
// of two, so that a place in it needs no check.
const room = 64

// scales are what shortest needs to know of numbers with s bits behind the
// binary point, by s: j is the least number of decimals whose unit is at most
// 2^-s.
var scales = func() (all [64]scale) {
	power, j := uint64(1), uint(0)
	for s := range all {
		for power < 1<<s {
			power, j = 10*power, j+1
		}
		at := &all[s]
		at.power, at.digits = power, j
		at.half = uint64(math.Ldexp(float64(power), 59-s))
		if at.more = 1; j < 16 {
			for range 16 - j {
				at.more *= 10
			}
		}
	}
	return all
}()

type scale struct {
	power  uint64 // 10^j
	half   uint64 // half of 10^j·2^-s, with 60 bits behind the point
	digits uint   // j
	more   uint64 // 10^(16-j), or 1
}

// putFloat writes nearly every double as AppendFloat does, and returns its
// length; 0 for those that it does not write: those below 2^-11, from 2^52, and
// powers of two below 1.
func putFloat(text *[room]byte, v float64) int {
	word := math.Float64bits(v)
	c, s := word&(1<<52-1)|1<<52, 1075-uint(word>>52&0x7ff) // v is c·2^-s
	if s-1 >= 63 {
		return 0
	}
	text[0] = '-'
	n := word >> 63
	whole, rest := c>>(s&63), c<<(-s&63)
	if whole < uint64(len(small)) {
		binary.LittleEndian.PutUint32(text[n:], small[whole])
		n += uint64(small[whole] >> 24)
	} else {
		n += uint64(len(strconv.AppendUint(text[n:n], whole, 10)))
	}
	text[n&31] = '.'
	switch {
	case rest == 0:
		text[n&31+1] = '0'
		return int(n + 2)
	case c == 1<<52:
		return 0
	}
	at := &scales[s&63]
	return putFraction(text, n+1, at.shortest(rest, c), at)
}

// shortest returns the digits behind the decimal point of the shortest decimal
// that reads back as c·2^-s, and of several the closest; zeros may follow. Rest
// is what c·2^-s has behind the binary point, in 64 bits. It does so for numbers
// that are nearly all that features hold, in which powers of ten are exact in 64
// bits: from 2^-11 to 2^52, neither whole nor a power of two (whose neighbour
// below is nearer than the one above).
//
// This is Raffaello Giulietti's way (The Schubfach way to render doubles, 2021).
// The neighbours of the number are 2^-s away. For the least j with 10^-j <=
// 2^-s, the multiple of 10^-j that is next to it lies between the middles to
// both neighbours, and at most one multiple of 10^(1-j) does: any shorter number
// is that one.
func (at *scale) shortest(rest, c uint64) uint64 {
	n, rest := bits.Mul64(rest, at.power) // times 10^j: the whole part, and 64 bits behind the point
	// What follows is random from float to float: it is worked out without jumps,
	// of which a processor would guess one in three wrong.
	last := n % 10
	below := last<<60 | rest>>4 // how far the multiple of ten below is away; 45 bits behind the point are all there are
	half := at.half | 1&^c      // the least distance that is too far: an even float owns the middles
	_, nearest := bits.Sub64(1<<63, rest, n&1)
	if 10<<60-below < half {
		nearest = 10 - last
	}
	if below < half {
		nearest = -last
	}
	return n + nearest
}

// putFraction writes the digits of a fraction at a place, and returns where they
// end. Zeros at the end are left out; not all of them may be zeros.
func putFraction(text *[room]byte, n, fraction uint64, at *scale) int {
	if at.digits > 16 {
		more := uint64(at.digits - 16)
		binary.LittleEndian.PutUint32(text[n&31:], (threes[fraction/1e16]|letters&0xffffff)>>((24-8*more)&31))
		n, fraction = n+more, fraction%1e16
	}
	f, _ := bits.Mul64(fraction*at.more<<10, (1<<117)/10_000_000_000_000_000)
	f = 2*f + 5 // less than 2^64/10^16, and more than was cut off
	g := f * 1e8
	d, f := bits.Mul64(f, 1000)
	e, f := bits.Mul64(f, 1000)
	f, _ = bits.Mul64(f, 1000)
	high := uint64(threes[d&1023]) | uint64(threes[e&1023])<<24 | uint64(threes[f&1023])<<48
	binary.LittleEndian.PutUint64(text[n&31:], high|letters)
	d, g = bits.Mul64(g, 1000)
	e, g = bits.Mul64(g, 1000)
	g, _ = bits.Mul64(g, 1000)
	low := uint64(threes[d&1023]) | uint64(threes[e&1023])<<24 | uint64(threes[g&1023])<<48
	binary.LittleEndian.PutUint64(text[n&31+8:], low|letters)
	if low != 0 {
		return int(n) + 16 - bits.LeadingZeros64(low)/8
	}
	return int(n) + 8 - bits.LeadingZeros64(high)/8
}

// letters makes eight digits letters.
const letters = 0x3030303030303030

// threes are the three digits of the numbers up to 999, the first in the lowest
// byte.
var threes = func() (all [1024]uint32) {
	for n := range uint32(1000) {
		all[n] = n/100 | n/10%10<<8 | n%10<<16
	}
	return all
}()

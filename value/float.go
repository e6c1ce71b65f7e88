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

// powers are the powers of ten that an uint64 holds.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// room is what the longest number takes, with what is written too much.
const room = 1 + 16 + 1 + 3 + 16 + 8

// putFloat writes nearly every double as AppendFloat does, and returns its
// length; 0 for those that it does not write: those below 2^-11, from 2^52, and
// powers of two below 1.
func putFloat(text *[room]byte, v float64) int {
	word := math.Float64bits(v)
	c, s := word&(1<<52-1)|1<<52, 1075-uint(word>>52&0x7ff) // v is c·2^-s
	if s-1 >= 63 {
		return 0
	}
	n := 0
	if v < 0 {
		text[0], n = '-', 1
	}
	whole := c >> s
	switch {
	case c<<(64-s) == 0:
		n = putWhole(text, n, whole)
		text[n], text[n+1] = '.', '0'
		return n + 2
	case c == 1<<52:
		return 0
	}
	fraction, digits := shortest(c, s, whole)
	n = putWhole(text, n, whole)
	text[n] = '.'
	return putFraction(text, n+1, fraction, digits)
}

// shortest returns the digits behind the decimal point, and how many there are,
// of the shortest decimal that reads back as c·2^-s, whose whole part is known,
// and of several the closest; zeros may follow. It does so for numbers that are
// nearly all that features hold, in which powers of ten are exact in 64 bits:
// from 2^-11 to 2^52, neither whole nor a power of two (whose neighbour below is
// nearer than the one above).
//
// This is Raffaello Giulietti's way (The Schubfach way to render doubles, 2021).
// The neighbours of the number are 2^-s away. For the least j with 10^-j <=
// 2^-s, the multiple of 10^-j that is next to it lies between the middles to
// both neighbours, and at most one multiple of 10^(1-j) does: any shorter number
// is that one.
func shortest(c uint64, s uint, whole uint64) (fraction uint64, digits uint) {
	s &= 63
	owned := 1 - c&1                  // an even float owns the middles
	j := (s*315653 + 1<<20 - 1) >> 20 // s·log10(2), rounded up
	power := powers[j]

	// The number times 10^j is n and rest/2^s, and the middles are half/2^s away.
	hi, lo := bits.Mul64(c, power)
	unit := uint64(1) << s
	n, rest := hi<<(-s&63)+lo>>s, lo&(unit-1)
	most := power/2 + owned // the least distance that is too far
	far, part := most>>s, most&(unit-1)

	// What follows is random from float to float: it is worked out without jumps,
	// of which a processor would guess one in three wrong.
	last := n % 10 // and rest is how far the multiple of ten below is away
	_, below := bits.Sub64(rest, part, 0)
	_, below = bits.Sub64(last, far, below)
	restUp, lack := bits.Sub64(0, rest, 0)
	_, above := bits.Sub64(restUp&(unit-1), part, 0)
	_, above = bits.Sub64(10-last-lack, far, above)
	_, nearest := bits.Sub64(unit/2, rest+n&1, 0)
	if above != 0 {
		nearest = 10 - last
	}
	if below != 0 {
		nearest = -last
	}
	return n + nearest - whole*power, j
}

// putWhole writes a number of at most 16 digits at a place, and returns where it
// ends.
func putWhole(text *[room]byte, n int, whole uint64) int {
	if whole < uint64(len(small)) {
		binary.LittleEndian.PutUint32(text[n:], small[whole])
		return n + int(small[whole]>>24)
	}
	return n + len(strconv.AppendUint(text[n:n], whole, 10))
}

// putFraction writes so many digits, at most 19, at a place, and returns where
// they end. Zeros at the end are left out; not all of them may be zeros.
func putFraction(text *[room]byte, n int, fraction uint64, digits uint) int {
	if digits > 16 {
		more := digits - 16
		binary.LittleEndian.PutUint64(text[n:], (eight(fraction/1e16)|letters)>>((64-8*more)&63))
		n, fraction, digits = n+int(more), fraction%1e16, 16
	}
	fraction *= powers[16-digits]
	high, low := eight(fraction/1e8), eight(fraction%1e8)
	binary.LittleEndian.PutUint64(text[n:], high|letters)
	binary.LittleEndian.PutUint64(text[n+8:], low|letters)
	if low != 0 {
		return n + 16 - bits.LeadingZeros64(low)/8
	}
	return n + 8 - bits.LeadingZeros64(high)/8
}

// letters makes eight digits letters.
const letters = 0x3030303030303030

// eight returns the eight decimal digits of n, the first in the lowest byte: two
// halves side by side are taken apart into four pairs, and those into digits.
// Each step is q - d·(a/d) for all parts at once, put behind the quotients.
func eight(n uint64) uint64 {
	high := n * 109951163 >> 40 // n / 1e4
	halves := n<<32 - high*(1e4<<32-1)
	high = halves * 5243 >> 19 & 0x7f_0000007f // halves / 100
	pairs := halves<<16 - high*(100<<16-1)
	high = pairs * 205 >> 11 & 0xf_000f_000f_000f // pairs / 10
	return pairs<<8 - high*(10<<8-1)
}

package value

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

// AppendFloat appends a finite float as Python prints it: the shortest digits
// that read back as the same float of that many bits, always with a decimal
// point or an exponent, and an exponent below 0.0001 and from 1e16.
func AppendFloat(dst []byte, v float64, size int) []byte {
	abs := math.Abs(v)
	switch whole := int64(v); {
	case v == float64(whole) && whole != 0 && (abs < 1<<24 || size == 64 && abs < 1<<53): // all digits count
		return append(strconv.AppendInt(dst, whole, 10), ".0"...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(dst, v, 'e', -1, size)
	case size == 64 && abs < 1<<52:
		if fraction, digits, ok := shortest(abs); ok {
			if v < 0 {
				dst = append(dst, '-')
			}
			return appendFraction(strconv.AppendUint(dst, uint64(abs), 10), fraction, digits)
		}
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

// shortest returns the digits behind the decimal point, and how many there are,
// of the shortest decimal that reads back as v, and of several the closest. It
// does so for numbers that are nearly all that features hold, in which powers of
// ten are exact in 64 bits: from 2^-11 to 2^52, neither whole nor a power of two
// (whose neighbour below is nearer than the one above).
//
// This is Raffaello Giulietti's way (The Schubfach way to render doubles, 2021).
// With v = c·2^-s, the neighbours of v are 2^-s away. For the least j with
// 10^-j <= 2^-s, a number between the middles to both neighbours is a multiple of
// 10^-j, and at most one is a multiple of 10^(1-j): any shorter one is that.
func shortest(v float64) (fraction uint64, digits int, ok bool) {
	word := math.Float64bits(v)
	c, s := word&(1<<52-1), 1075-int(word>>52)
	if c == 0 || s < 1 || s > 63 {
		return 0, 0, false
	}
	odd := c & 1
	c |= 1 << 52
	j := (s*315653 + 1<<20 - 1) >> 20 // s·log10(2), rounded up
	power := powers[j]

	// v·10^j and the middles, in quarters; a lost rest makes them odd, which
	// keeps comparisons with multiples of four exact.
	hi, lo := bits.Mul64(4*c, power)
	halfHi, halfLo := power>>63, power<<1
	lowLo, carry := bits.Sub64(lo, halfLo, 0)
	lowHi, _ := bits.Sub64(hi, halfHi, carry)
	highLo, carry := bits.Add64(lo, halfLo, 0)
	highHi, _ := bits.Add64(hi, halfHi, carry)
	scaled := quarters(hi, lo, s)
	low := quarters(lowHi, lowLo, s) + odd // an odd float does not own the middles
	high := quarters(highHi, highLo, s) - odd

	n := scaled >> 2
	short := n / 10 * 10
	switch {
	case low <= 4*short:
		n = short
	case 4*(short+10) <= high:
		n = short + 10
	default:
		below, above := low <= 4*n, 4*(n+1) <= high
		middle := 4*n + 2
		if above && (!below || scaled > middle || scaled == middle && n&1 == 1) {
			n++
		}
		return n - uint64(v)*power, j, true
	}
	fraction, digits = n-uint64(v)*power, j
	for _, zeros := range [...]int{8, 4, 2, 1} {
		for fraction%powers[zeros] == 0 {
			fraction, digits = fraction/powers[zeros], digits-zeros
		}
	}
	return fraction, digits, true
}

// quarters returns a number without its last s bits, odd if any of them was set.
func quarters(hi, lo uint64, s int) uint64 {
	n := hi<<(64-s) | lo>>s
	if lo<<(64-s) != 0 {
		n |= 1
	}
	return n
}

// appendFraction appends a decimal point and the digits behind it.
func appendFraction(dst []byte, fraction uint64, digits int) []byte {
	var text [20]byte
	at := len(text)
	left := digits
	for ; left >= 2; left -= 2 {
		pair := fraction % 100
		fraction /= 100
		at -= 2
		text[at], text[at+1] = pairs[2*pair], pairs[2*pair+1]
	}
	if left > 0 {
		at--
		text[at] = '0' + byte(fraction)
	}
	at--
	text[at] = '.'
	return append(dst, text[at:]...)
}

const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

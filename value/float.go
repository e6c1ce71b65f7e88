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
// 10^-j <= 2^-s, the multiple of 10^-j that is next to v lies between the middles
// to both neighbours, and at most one multiple of 10^(1-j) does: any shorter
// number is that one.
func shortest(v float64) (fraction uint64, digits int, ok bool) {
	word := math.Float64bits(v)
	c, s := word&(1<<52-1), 1075-int(word>>52)
	if c == 0 || s < 1 || s > 63 {
		return 0, 0, false
	}
	owned := 1 - c&1                  // an even float owns the middles
	j := (s*315653 + 1<<20 - 1) >> 20 // s·log10(2), rounded up
	power := powers[j]

	// v·10^j is n and rest/2^s, and the middles are half/2^s away.
	hi, lo := bits.Mul64(c|1<<52, power)
	unit := uint64(1) << s
	n, rest := hi<<(64-s)|lo>>s, lo&(unit-1)
	most := power/2 + owned // the least distance that is too far
	whole, part := most>>s, most&(unit-1)

	last := n % 10
	up, upRest := 10-last, uint64(0) // to the next multiple of ten
	if rest > 0 {
		up, upRest = 9-last, unit-rest
	}
	switch {
	case last < whole || last == whole && rest < part:
		n -= last
	case up < whole || up == whole && upRest < part:
		n += 10 - last
	default:
		if middle := unit / 2; rest > middle || rest == middle && n&1 == 1 {
			n++
		}
		return n - uint64(v)*power, j, true
	}
	fraction, digits = withoutZeros((n-uint64(v)*power)/10, j-1)
	return fraction, digits, true
}

// withoutZeros takes the zeros at the end away.
func withoutZeros(fraction uint64, digits int) (uint64, int) {
	if fraction%10 != 0 {
		return fraction, digits
	}
	for fraction%1e8 == 0 {
		fraction, digits = fraction/1e8, digits-8
	}
	for fraction%1e2 == 0 {
		fraction, digits = fraction/1e2, digits-2
	}
	if fraction%10 == 0 {
		fraction, digits = fraction/10, digits-1
	}
	return fraction, digits
}

// appendFraction appends a decimal point and the digits behind it.
func appendFraction(dst []byte, fraction uint64, digits int) []byte {
	var text [24]byte
	at, left := len(text), digits
	for ; left >= 8; left -= 8 {
		eight := uint32(fraction % 1e8)
		fraction /= 1e8
		at -= 8
		putPair(&text, at, eight/1e6)
		putPair(&text, at+2, eight/1e4%100)
		putPair(&text, at+4, eight/100%100)
		putPair(&text, at+6, eight%100)
	}
	few := uint32(fraction)
	for ; left >= 2; left -= 2 {
		at -= 2
		putPair(&text, at, few%100)
		few /= 100
	}
	if left > 0 {
		at--
		text[at] = '0' + byte(few)
	}
	at--
	text[at] = '.'
	return append(dst, text[at:]...)
}

func putPair(text *[24]byte, at int, pair uint32) {
	text[at], text[at+1] = pairs[2*pair], pairs[2*pair+1]
}

const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

package tablefile

import (
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// mostDigits is how many digits every number of 64 bits can hold.
const mostDigits = 18

// parseWhole reads a whole number of so many bits.
func parseWhole(value []byte, size int) (int64, bool) {
	digits, negative := value, false
	if digits[0] == '-' || digits[0] == '+' {
		digits, negative = digits[1:], digits[0] == '-'
	}
	v, n := leadingDigits(digits)
	if n == 0 || n < len(digits) || n > mostDigits || size == 32 && n > 9 {
		v, err := strconv.ParseInt(wholePart(string(value)), 10, size)
		return v, err == nil
	}
	if negative {
		return -int64(v), true
	}
	return int64(v), true
}

// leadingDigits reads the digits that a text starts with, and how many there
// are. The number is right up to mostDigits of them.
func leadingDigits(text []byte) (v uint64, n int) {
	for n < len(text) && text[n]-'0' < 10 {
		v = v*10 + uint64(text[n]-'0')
		n++
	}
	return v, n
}

// wholePart takes zeros after a point away: a column of whole numbers with
// gaps is written so by pandas.
func wholePart(s string) string {
	if whole, zeros, ok := strings.Cut(s, "."); ok && whole != "" && zeros != "" && strings.Trim(zeros, "0") == "" {
		return whole
	}
	return s
}

func parseFloat(value []byte, size int) (float64, string) {
	for _, c := range value {
		if c-'0' >= 10 && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, notANumber
		}
	}
	v, err := strconv.ParseFloat(string(value), size)
	if err != nil {
		return 0, "has to be a number within the range of its type"
	}
	return v, ""
}

const notANumber = "has to be a number; a missing one is an empty cell"

// parseDecimal reads a number exactly, or says that it does not fit. Most have
// few digits and no exponent, and need no text of their own.
func parseDecimal(value []byte, typ *arrow.Decimal128Type) (decimal128.Num, string) {
	digits, negative := value, false
	if digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	v, whole := leadingDigits(digits)
	fraction := 0
	if whole < len(digits) && digits[whole] == '.' {
		fraction = len(digits) - whole - 1
	}
	zeros := int(typ.Scale) - fraction
	if whole == 0 || whole+fraction > mostDigits || zeros < 0 || zeros > mostDigits || whole+int(typ.Scale) > int(typ.Precision) {
		return parseAnyDecimal(string(value), typ)
	}
	for _, c := range digits[min(whole+1, len(digits)):] {
		if c-'0' >= 10 {
			return parseAnyDecimal(string(value), typ)
		}
		v = v*10 + uint64(c-'0')
	}
	if fraction == 0 && whole < len(digits) && digits[whole] != '.' {
		return parseAnyDecimal(string(value), typ)
	}
	high, low := bits.Mul64(v, tens[zeros])
	num := decimal128.New(int64(high), low)
	if negative {
		num = num.Negate()
	}
	return num, ""
}

// tens are the powers of ten.
var tens = func() (list [mostDigits + 1]uint64) {
	list[0] = 1
	for i := range mostDigits {
		list[i+1] = list[i] * 10
	}
	return list
}()

// parseAnyDecimal is parseDecimal for a number of any form.
func parseAnyDecimal(s string, typ *arrow.Decimal128Type) (decimal128.Num, string) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent > 999 || exponent < -999 {
			return decimal128.Num{}, notANumber
		}
		mantissa = s[:i]
	}
	negative := strings.HasPrefix(mantissa, "-")
	mantissa = strings.TrimPrefix(strings.TrimPrefix(mantissa, "-"), "+")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" || strings.ContainsAny(mantissa, "+-") {
		return decimal128.Num{}, notANumber
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	zeros := int(typ.Scale) - len(fraction) + exponent // to append; below 0: digits to take away
	for ; zeros < 0 && strings.HasSuffix(digits, "0"); zeros++ {
		digits = digits[:len(digits)-1]
	}
	switch {
	case digits == "":
		return decimal128.Num{}, ""
	case zeros < 0:
		return decimal128.Num{}, "has more than " + strconv.Itoa(int(typ.Scale)) + " digits after the point"
	case len(digits)+zeros > int(typ.Precision):
		return decimal128.Num{}, "has more than " + strconv.Itoa(int(typ.Precision-typ.Scale)) + " digits before the point"
	}
	digits += strings.Repeat("0", zeros)
	var num decimal128.Num
	if len(digits) <= 18 {
		small, _ := strconv.ParseInt(digits, 10, 64)
		num = decimal128.FromI64(small)
	} else {
		large, _ := new(big.Int).SetString(digits, 10)
		num = decimal128.FromBigInt(large)
	}
	if negative {
		num = num.Negate()
	}
	return num, ""
}

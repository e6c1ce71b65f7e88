package pipeline

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// appendCell appends the value that a cell spells, and returns what the text
// had to be where it spells none; "" is right. An empty cell is null, but for
// a quoted one in a text column, which is the empty text.
func appendCell(b array.Builder, f field) string {
	text, isText := b.(*array.StringBuilder)
	if len(f.value) == 0 && !(isText && f.quoted) {
		b.AppendNull()
		return ""
	}
	if isText {
		text.BinaryBuilder.Append(f.value)
		return ""
	}
	wrong := appendParsed(b, string(f.value))
	if wrong != "" {
		b.AppendNull()
	}
	return wrong
}

func appendParsed(b array.Builder, s string) string {
	switch b := b.(type) {
	case *array.Int64Builder:
		v, err := strconv.ParseInt(wholePart(s), 10, 64)
		if err != nil {
			return "has to be a whole number of 64 bits"
		}
		b.Append(v)
	case *array.Int32Builder:
		v, err := strconv.ParseInt(wholePart(s), 10, 32)
		if err != nil {
			return "has to be a whole number between -2147483648 and 2147483647"
		}
		b.Append(int32(v))
	case *array.BooleanBuilder:
		switch s {
		case "True", "true", "t", "1":
			b.Append(true)
		case "False", "false", "f", "0":
			b.Append(false)
		default:
			return "has to be True or False (or true, false, t, f, 1, 0)"
		}
	case *array.Float64Builder:
		v, wrong := parseFloat(s, 64)
		if wrong != "" {
			return wrong
		}
		b.Append(v)
	case *array.Float32Builder:
		v, wrong := parseFloat(s, 32)
		if wrong != "" {
			return wrong
		}
		b.Append(float32(v))
	case *array.Date32Builder:
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return "has to be a date like 2024-01-31"
		}
		b.Append(arrow.Date32FromTime(t))
	case *array.TimestampBuilder:
		t, ok := parseInstant(s)
		if !ok {
			return "has to be a time like 2024-01-31 23:59:59+00:00; without a zone it is UTC"
		}
		b.Append(arrow.Timestamp(t.UnixMicro()))
	case *array.Decimal128Builder:
		v, wrong := parseDecimal(s, b.Type().(*arrow.Decimal128Type))
		if wrong != "" {
			return wrong
		}
		b.Append(v)
	}
	return ""
}

// wholePart takes zeros after a point away: a column of whole numbers with
// gaps is written so by pandas.
func wholePart(s string) string {
	if whole, zeros, ok := strings.Cut(s, "."); ok && whole != "" && zeros != "" && strings.Trim(zeros, "0") == "" {
		return whole
	}
	return s
}

func parseFloat(s string, bits int) (float64, string) {
	if strings.Trim(s, "+-.eE0123456789") != "" {
		return 0, "has to be a number; a missing one is an empty cell"
	}
	v, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, "has to be a number within the range of its type"
	}
	return v, ""
}

// parseInstant reads a time; a part of a microsecond counts as a whole one, so
// that a value is never known too early.
func parseInstant(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			if rest := t.Nanosecond() % 1000; rest > 0 {
				t = t.Add(time.Duration(1000 - rest))
			}
			return t, true
		}
	}
	return time.Time{}, false
}

// parseDecimal reads a number exactly, or says that it does not fit.
func parseDecimal(s string, typ *arrow.Decimal128Type) (decimal128.Num, string) {
	const notANumber = "has to be a number; a missing one is an empty cell"
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

// shown is a cell in a message: in quotes, and cut where it is long.
func shown(value []byte) string {
	const most = 60
	if text := []rune(string(bytes.ToValidUTF8(value, []byte("?")))); len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(value))
}

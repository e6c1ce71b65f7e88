package python

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// A formatSpec is Python's [[fill]align][sign][#][0][width][,][.precision][type].
type formatSpec struct {
	fill      rune
	align     byte
	sign      byte
	alternate bool
	width     int
	grouping  byte
	precision int // -1 when not given
	verb      byte
}

const maxWidth = 10_000

func parseSpec(spec string) (formatSpec, error) {
	s := formatSpec{fill: ' ', precision: -1}
	rest := spec
	if r, size := utf8.DecodeRuneInString(rest); size < len(rest) && strings.IndexByte("<>=^", rest[size]) >= 0 {
		s.fill, s.align, rest = r, rest[size], rest[size+1:]
	} else if rest != "" && strings.IndexByte("<>=^", rest[0]) >= 0 {
		s.align, rest = rest[0], rest[1:]
	}
	take := func(set string) byte {
		if rest != "" && strings.IndexByte(set, rest[0]) >= 0 {
			c := rest[0]
			rest = rest[1:]
			return c
		}
		return 0
	}
	digits := func() (int, bool) {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		i, err := strconv.Atoi(rest[:n])
		rest = rest[n:]
		return i, err == nil
	}
	s.sign = take("+- ")
	s.alternate = take("#") != 0
	if take("0") != 0 && s.align == 0 {
		s.fill, s.align = '0', '='
	}
	s.width, _ = digits()
	s.grouping = take(",_")
	if take(".") != 0 {
		var ok bool
		if s.precision, ok = digits(); !ok {
			return s, fmt.Errorf("the format %q lacks its precision", spec)
		}
	}
	s.verb = take("bcdeEfFgGnosxX%")
	if rest != "" || s.width > maxWidth || s.precision > maxWidth {
		return s, fmt.Errorf("the format %q is not known", spec)
	}
	return s, nil
}

func (s formatSpec) apply(v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.Bool:
		if s.verb == 0 || s.verb == 's' {
			return s.pad(s.cut(text(v)), '<'), nil
		}
		return s.apply(number(v))
	case starlark.Int:
		if strings.IndexByte("eEfFgG%", s.verb) >= 0 && s.verb != 0 {
			f, _ := starlark.AsFloat(v)
			return s.float(f)
		}
		return s.int(v.BigInt())
	case starlark.Float:
		return s.float(float64(v))
	}
	if s.verb != 0 && s.verb != 's' {
		return "", fmt.Errorf("the format code %q is not for %s", string(s.verb), v.Type())
	}
	return s.pad(s.cut(text(v)), '<'), nil
}

func (s formatSpec) cut(str string) string {
	if s.precision >= 0 && s.precision < utf8.RuneCountInString(str) {
		return string([]rune(str)[:s.precision])
	}
	return str
}

func (s formatSpec) int(i *big.Int) (string, error) {
	base, prefix := 10, ""
	switch s.verb {
	case 0, 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'c':
		return s.pad(string(rune(i.Int64())), '<'), nil
	default:
		return "", fmt.Errorf("the format code %q is not for integers", string(s.verb))
	}
	digits := new(big.Int).Abs(i).Text(base)
	if s.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if s.alternate {
		digits = prefix + digits
	}
	return s.signed(i.Sign() < 0, s.group(digits)), nil
}

func (s formatSpec) float(f float64) (string, error) {
	precision, abs, suffix := s.precision, math.Abs(f), ""
	if precision < 0 {
		precision = 6
	}
	var digits string
	switch s.verb {
	case 'f', 'F':
		digits = strconv.FormatFloat(abs, 'f', precision, 64)
	case 'e', 'E':
		digits = strconv.FormatFloat(abs, s.verb, precision, 64)
	case '%':
		digits, suffix = strconv.FormatFloat(abs*100, 'f', precision, 64), "%"
	case 'g', 'G', 'n':
		digits = general(abs, max(precision, 1))
	case 0:
		digits = floatText(abs)
		if s.precision >= 0 {
			digits = general(abs, max(precision, 1))
		}
	default:
		return "", fmt.Errorf("the format code %q is not for floats", string(s.verb))
	}
	return s.signed(math.Signbit(f) && !math.IsNaN(f), s.group(digits)+suffix), nil
}

// general is the form g: the given number of digits, trailing zeros left out.
func general(f float64, digits int) string {
	s := strconv.FormatFloat(f, 'e', digits-1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	if e, _ := strconv.Atoi(exponent); e >= -4 && e < digits {
		s = strconv.FormatFloat(f, 'f', digits-1-e, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + "e" + exponent
}

// group puts separators between the thousands.
func (s formatSpec) group(digits string) string {
	if s.grouping == 0 {
		return digits
	}
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(s.grouping)
		}
		b.WriteRune(c)
	}
	if hasFraction {
		b.WriteString("." + fraction)
	}
	return b.String()
}

func (s formatSpec) signed(negative bool, digits string) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case s.sign == '+' || s.sign == ' ':
		sign = string(s.sign)
	}
	if s.align == '=' {
		if missing := s.width - utf8.RuneCountInString(sign+digits); missing > 0 {
			digits = strings.Repeat(string(s.fill), missing) + digits
		}
		return sign + digits
	}
	return s.pad(sign+digits, '>')
}

func (s formatSpec) pad(str string, align byte) string {
	missing := s.width - utf8.RuneCountInString(str)
	if missing <= 0 {
		return str
	}
	if s.align != 0 {
		align = s.align
	}
	left := 0
	switch align {
	case '>', '=':
		left = missing
	case '^':
		left = missing / 2
	}
	return strings.Repeat(string(s.fill), left) + str + strings.Repeat(string(s.fill), missing-left)
}

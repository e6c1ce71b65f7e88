package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/asof-dev/asof/sqltext"
)

// fields are what a format may have, each of so many digits, and the
// expression that they match.
var fields = map[rune]struct {
	digits int
	match  string
}{
	'Y': {4, `[0-9]{4}`}, 'm': {2, `(0[1-9]|1[0-2])`}, 'd': {2, `(0[1-9]|[12][0-9]|3[01])`},
	'H': {2, `([01][0-9]|2[0-3])`}, 'M': {2, `[0-5][0-9]`}, 'S': {2, `[0-5][0-9]`},
}

// leap matches the years that have a 29th of February.
const leap = `^([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)$`

// format is how a text says a day or a time: an expression that it matches, and
// where in it the fields are. All have a fixed width, so that no database has to
// read the text, whose own readers take different ones.
type format struct {
	match string
	at    map[rune]int // the first character of a field, from 1
}

// readFormat reads a format as strftime has it.
func readFormat(text string) (format, error) {
	f := format{match: "^", at: map[rune]int{}}
	place, field := 1, false
	for _, c := range text {
		known, ok := fields[c]
		switch {
		case !field && c == '%':
			field = true
			continue
		case !field || c == '%':
			f.match += regexp.QuoteMeta(string(c))
			place++
		case !ok:
			return f, fmt.Errorf("the format %q has %%%c; known: %%Y %%m %%d %%H %%M %%S", text, c)
		case f.at[c] > 0:
			return f, fmt.Errorf("the format %q has %%%c twice", text, c)
		default:
			f.match += known.match
			f.at[c] = place
			place += known.digits
		}
		field = false
	}
	f.match += "$"
	if field || len(f.at) == 0 || !utf8.ValidString(text) {
		return f, fmt.Errorf("%q is no format of a day or time, such as %%Y-%%m-%%d", text)
	}
	return f, nil
}

// field returns SQL for the text of a field, "" where the format has none.
func (f format) field(column string, c rune) string {
	if f.at[c] == 0 {
		return ""
	}
	return fmt.Sprintf("substr(%s, %d, %d)", column, f.at[c], fields[c].digits)
}

// misses returns SQL that holds for texts that are not so, a 30th of February
// among them.
func (f format) misses(column string) (string, error) {
	matched, err := pattern(f.match)
	if err != nil {
		return "", err
	}
	wrong := []string{"NOT (" + column + " ~ " + sqltext.Text(matched) + ")"}
	year, month, day := f.field(column, 'Y'), f.field(column, 'm'), f.field(column, 'd')
	if year != "" {
		wrong = append(wrong, year+" = '0000'")
	}
	if month != "" && day != "" {
		wrong = append(wrong, month+" IN ('04', '06', '09', '11') AND "+day+" = '31'", month+" = '02' AND "+day+" IN ('30', '31')")
	}
	if !slices.Contains([]string{year, month, day}, "") {
		leapYear, err := pattern(leap)
		if err != nil {
			return "", err
		}
		wrong = append(wrong, month+" = '02' AND "+day+" = '29' AND NOT ("+year+" ~ "+sqltext.Text(leapYear)+")")
	}
	return "(" + strings.Join(wrong, " OR ") + ")", nil
}

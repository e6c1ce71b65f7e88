package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// moment is a date or time in words: `today - 7 days`, `last day of last month`,
// `as_of + 1 month`, `first day of this quarter of as_of | %Y-%m`.
type moment struct {
	base   string // a parameter, or one of clockWords
	end    string // first, last: of a period; "" for the base itself
	which  int    // the period: 0 that of the base, -1 the one before, 1 the next
	period string
	shifts []shift
	format string // "" for the form of the type
}

// shift goes so many units on, or back.
type shift struct {
	n    int
	unit string
}

var (
	clockWords  = []string{"today", "yesterday", "tomorrow", "now"}
	momentForm  = regexp.MustCompile(`^(?:(first|last) day of (last|this|next) (week|month|quarter|year)(?: of (\w+))?|(\w+))((?:\s*[+-]\s*\d+\s*[a-z]+)*)(?:\s*\|\s*(.+))?$`)
	shiftForm   = regexp.MustCompile(`([+-])\s*(\d+)\s*([a-z]+)`)
	shiftUnits  = []string{"second", "minute", "hour", "day", "week", "month", "quarter", "year"}
	whichPeriod = map[string]int{"last": -1, "this": 0, "next": 1}
	formatSigns = map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'j': "002", 'H': "15", 'M': "04", 'S': "05", 'b': "Jan", 'B': "January", '%': "%"}
)

// mostShift bounds a number of units, so that every year has four digits.
const mostShift = 100_000

// parseMoment reads a moment, or says why it is none.
func parseMoment(text string) (moment, string) {
	parts := momentForm.FindStringSubmatch(text)
	if parts == nil {
		return moment{}, fmt.Sprintf("%q is no date in words", text)
	}
	m := moment{base: parts[5], end: parts[1], which: whichPeriod[parts[2]], period: parts[3], format: strings.TrimSpace(parts[7])}
	if m.end != "" {
		if m.base = parts[4]; m.base == "" {
			m.base = "today"
		}
	}
	for _, s := range shiftForm.FindAllStringSubmatch(parts[6], -1) {
		n, err := strconv.Atoi(s[1] + s[2])
		if err != nil || n > mostShift || n < -mostShift {
			return m, fmt.Sprintf("%s %s is too far", s[2], s[3])
		}
		unit := strings.TrimSuffix(s[3], "s")
		if !slices.Contains(shiftUnits, unit) {
			return m, fmt.Sprintf("%q is no unit of time%s", s[3], orKnown(s[3], shiftUnits))
		}
		m.shifts = append(m.shifts, shift{n, unit})
	}
	for i := 0; i < len(m.format); i++ {
		if m.format[i] != '%' {
			continue
		}
		if i++; i == len(m.format) || formatSigns[m.format[i]] == "" {
			return m, fmt.Sprintf("the form %q holds a sign that is not known; known: %%Y %%y %%m %%d %%j %%H %%M %%S %%b %%B", m.format)
		}
	}
	return m, ""
}

// moment reads a moment of the pipeline: its base is a date or a datetime.
func (p *Pipeline) moment(text string) (moment, string) {
	m, reason := parseMoment(text)
	if reason != "" || slices.Contains(clockWords, m.base) {
		return m, reason
	}
	switch param := p.param(m.base); {
	case param == nil:
		return m, p.noParam(m.base, clockWords...)
	case !param.timed():
		return m, fmt.Sprintf("%s is of the type %s, and has to be a date or a datetime", m.base, param.Type)
	}
	return m, ""
}

// wholeDays reports whether a moment is a date.
func (p *Pipeline) wholeDays(m moment) bool {
	param := p.param(m.base)
	timed := m.base == "now" || param != nil && param.Type == ParamDatetime
	return (m.end != "" || !timed) && !slices.ContainsFunc(m.shifts, func(s shift) bool { return slices.Contains(shiftUnits[:3], s.unit) })
}

// filling reads what stands between {{ and }}: a parameter, or a moment that
// begins with one. The clock's words are for defaults alone, so that a run that
// is resumed has the values that it began with.
func (p *Pipeline) filling(text string) (moment, string) {
	if p.param(text) != nil {
		return moment{base: text}, ""
	}
	if paramName.MatchString(text) {
		return moment{}, p.noParam(text)
	}
	m, reason := p.moment(text)
	if reason == "" && slices.Contains(clockWords, m.base) {
		reason = fmt.Sprintf("%s is for defaults: make it the default of a parameter, and write that here", m.base)
	}
	return m, reason
}

func (p *Pipeline) noParam(name string, others ...string) string {
	known := slices.Clone(others)
	for _, param := range p.Params {
		known = append(known, param.Name)
	}
	if len(known) == 0 {
		return fmt.Sprintf("there is no parameter %q before it", name)
	}
	return fmt.Sprintf("there is no parameter %q%s", name, orKnown(name, known))
}

// clock returns what the clock's words stand for, in the pipeline's zone.
func (p *Pipeline) clock(now time.Time) Values {
	zone := p.Zone
	if zone == nil {
		zone = time.UTC
	}
	today := now.In(zone)
	return Values{"now": now.UTC().Truncate(time.Second).Format(time.RFC3339), "today": today.Format(time.DateOnly),
		"yesterday": today.AddDate(0, 0, -1).Format(time.DateOnly), "tomorrow": today.AddDate(0, 0, 1).Format(time.DateOnly)}
}

// text returns the moment, its base among the values: as a date where it is
// whole days from one.
func (m moment) text(values Values) string {
	base := values[m.base]
	t, ok := asof.ParseTime(base)
	if !ok {
		return base
	}
	date := isDate(base)
	if m.end != "" {
		t, date = m.edge(t), true
	}
	for _, s := range m.shifts {
		t = s.from(t)
		date = date && !slices.Contains(shiftUnits[:3], s.unit)
	}
	switch {
	case m.format != "":
		return formatted(t, m.format)
	case date:
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

// edge returns the first or the last day of the period.
func (m moment) edge(t time.Time) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	next := shift{1, m.period}
	switch m.period {
	case "week": // begins on Monday
		first = time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "quarter":
		first = first.AddDate(0, -((int(t.Month()) - 1) % 3), 0)
	case "year":
		first = time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	first = shift{m.which, m.period}.from(first)
	if m.end == "first" {
		return first
	}
	return next.from(first).AddDate(0, 0, -1)
}

// from returns the time so many units from t; a day that a month does not have
// is its last.
func (s shift) from(t time.Time) time.Time {
	switch s.unit {
	case "second":
		return t.Add(time.Duration(s.n) * time.Second)
	case "minute":
		return t.Add(time.Duration(s.n) * time.Minute)
	case "hour":
		return t.Add(time.Duration(s.n) * time.Hour)
	case "day":
		return t.AddDate(0, 0, s.n)
	case "week":
		return t.AddDate(0, 0, 7*s.n)
	}
	months := s.n * map[string]int{"month": 1, "quarter": 3, "year": 12}[s.unit]
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// formatted writes a time with the signs of strftime.
func formatted(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' {
			i++
			b.WriteString(t.Format(formatSigns[format[i]]))
			continue
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

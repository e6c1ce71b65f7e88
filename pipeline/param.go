package pipeline

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/asof-dev/asof"
)

// Param is a parameter of a pipeline. {{name}} stands for its value in texts.
type Param struct {
	Name        string    `json:"name"`
	Type        ParamType `json:"type"`
	Required    bool      `json:"required"`          // there is no default
	Default     string    `json:"default,omitempty"` // as it is written: "" where there is none; may hold parameters, and of a date words
	Values      []string  `json:"values,omitempty"`  // of an enum: what it can be
	Description string    `json:"description,omitempty"`
}

// ParamType is the type of a parameter.
type ParamType string

// The types of parameters. A date is written 2024-01-31, a datetime
// 2024-01-31T10:00:00Z.
const (
	ParamString   ParamType = "string"
	ParamInteger  ParamType = "integer"
	ParamNumber   ParamType = "number"
	ParamBoolean  ParamType = "boolean"
	ParamDate     ParamType = "date"
	ParamDatetime ParamType = "datetime"
	ParamEnum     ParamType = "enum"
)

var paramTypes = []ParamType{ParamString, ParamInteger, ParamNumber, ParamBoolean, ParamDate, ParamDatetime, ParamEnum}

// AsOfParam is the parameter, a date, that says of which day the files are.
const AsOfParam = "as_of"

// ErrorParam stands in on_failure for why the run failed, where the pipeline has
// no parameter of that name.
const ErrorParam = "error"

var (
	paramName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)
)

// Values are what a run was given and what its defaults were at that time, as
// text: dates and datetimes in the form of their types.
type Values map[string]string

// AsOf returns the day that the files are of.
func (v Values) AsOf() time.Time {
	day, _ := time.Parse(time.DateOnly, v[AsOfParam])
	return day
}

// fill puts the parameters' values into a text that the reader has checked.
func (v Values) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		if value, ok := v[name]; ok {
			return value
		}
		m, _ := parseMoment(name)
		return m.text(v)
	})
}

// Values checks the parameters that a run is given, by name, and gives the
// others their defaults as they are at now. What is wrong is told at once.
func (p *Pipeline) Values(given map[string]string, now time.Time) (Values, error) {
	values := Values{}
	var known []string
	var wrong asof.Problems
	problem := func(format string, args ...any) {
		wrong = append(wrong, asof.Problem{Message: "pipeline " + p.Name + ": " + fmt.Sprintf(format, args...)})
	}
	clock := p.clock(now)
	for _, param := range p.Params {
		known = append(known, param.Name)
		value, ok := given[param.Name]
		if !ok && param.Required {
			problem("the parameter %s is missing: add %s=%s", param.Name, param.Name, param.example())
			continue
		}
		if !ok {
			value = param.settled(clock, values)
		}
		if reason := param.wrong(value); reason != "" {
			problem("the parameter %s %s, and not %q", param.Name, reason, value)
			continue
		}
		values[param.Name] = param.canonical(value)
	}
	for name := range given {
		if !slices.Contains(known, name) {
			problem("there is no parameter %q%s", name, orKnown(name, known))
		}
	}
	slices.SortFunc(wrong, func(a, b asof.Problem) int { return strings.Compare(a.Message, b.Message) })
	return values, wrong.Err()
}

// settled returns the default, with the values of the parameters before.
func (p Param) settled(clock Values, values Values) string {
	text := values.fill(p.Default)
	if !p.timed() || p.wrong(text) == "" {
		return text
	}
	m, reason := parseMoment(text)
	if reason != "" {
		return text
	}
	if _, ok := values[m.base]; ok {
		return m.text(values)
	}
	return m.text(clock)
}

func (p Param) timed() bool { return p.Type == ParamDate || p.Type == ParamDatetime }

// wrong says what a value has to be; "" where it is that.
func (p Param) wrong(value string) string {
	var err error
	ok := true
	switch p.Type {
	case ParamString:
		ok = utf8.ValidString(value) && !strings.Contains(value, "\x00")
	case ParamInteger:
		_, err = strconv.ParseInt(value, 10, 64)
	case ParamNumber:
		var number float64
		number, err = strconv.ParseFloat(value, 64)
		ok = !math.IsInf(number, 0) && !math.IsNaN(number)
	case ParamBoolean:
		ok = value == "true" || value == "false"
	case ParamDate:
		ok = isDate(value)
	case ParamDatetime:
		_, ok = asof.ParseTime(value)
	case ParamEnum:
		ok = slices.Contains(p.Values, value)
	}
	if ok && err == nil {
		return ""
	}
	return "has to be " + p.looks()
}

// looks says what values look like.
func (p Param) looks() string {
	switch p.Type {
	case ParamInteger:
		return "a whole number"
	case ParamNumber:
		return "a number"
	case ParamBoolean:
		return "true or false"
	case ParamDate:
		return "a date like 2024-01-31"
	case ParamDatetime:
		return "a time like 2024-01-31T10:00:00Z"
	case ParamEnum:
		return "one of " + strings.Join(p.Values, ", ")
	}
	return "a text in UTF-8 without zero bytes"
}

// example is a value for a message.
func (p Param) example() string {
	examples := map[ParamType]string{ParamDate: "2024-01-31", ParamDatetime: "2024-01-31T10:00:00Z", ParamInteger: "1", ParamNumber: "0.5", ParamBoolean: "true"}
	if p.Type == ParamEnum {
		return p.Values[0]
	}
	if example, ok := examples[p.Type]; ok {
		return example
	}
	return "VALUE"
}

// canonical returns the one way in which a value is written.
func (p Param) canonical(value string) string {
	switch p.Type {
	case ParamInteger:
		number, _ := strconv.ParseInt(value, 10, 64)
		return strconv.FormatInt(number, 10)
	case ParamNumber:
		number, _ := strconv.ParseFloat(value, 64)
		return strconv.FormatFloat(number, 'g', -1, 64)
	case ParamDatetime:
		t, _ := asof.ParseTime(value)
		return t.UTC().Format(time.RFC3339Nano)
	}
	return value
}

// param returns a parameter by its name; nil where there is none.
func (p *Pipeline) param(name string) *Param {
	i := slices.IndexFunc(p.Params, func(param Param) bool { return param.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Params[i]
}

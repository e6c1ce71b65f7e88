package python

import (
	"errors"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Datetime is Python's datetime.datetime, or a date when it has no clock.
type Datetime struct {
	Time time.Time
	// Naive is true of a datetime without a zone; Time is then in UTC.
	Naive bool
	// Date is true of a date.
	Date bool
}

// Type returns "datetime" or "date".
func (d Datetime) Type() string {
	if d.Date {
		return "date"
	}
	return "datetime"
}

func (d Datetime) Freeze()               {}
func (d Datetime) Truth() starlark.Bool  { return true }
func (d Datetime) Hash() (uint32, error) { return starlark.MakeInt64(d.Time.UnixMicro()).Hash() }

// String writes the time as Python's str does.
func (d Datetime) String() string { return strings.Replace(d.iso(), "T", " ", 1) }

func (d Datetime) iso() string {
	layout := "2006-01-02T15:04:05"
	if d.Time.Nanosecond() != 0 {
		layout += ".000000"
	}
	if !d.Naive {
		layout += "-07:00"
	}
	if d.Date {
		layout = "2006-01-02"
	}
	return d.Time.Format(layout)
}

// PythonFormat is format(d, spec): spec is strftime's.
func (d Datetime) PythonFormat(spec string) (string, error) { return strftime(d.Time, spec) }

// Cmp compares two times.
func (d Datetime) Cmp(other starlark.Value, _ int) (int, error) {
	return d.Time.Compare(other.(Datetime).Time), nil
}

// Binary is time ± duration and time - time.
func (d Datetime) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	switch o := other.(type) {
	case Timedelta:
		if op == syntax.PLUS {
			d.Time = d.Time.Add(time.Duration(o))
			return d, nil
		}
		if op == syntax.MINUS && side == starlark.Left {
			d.Time = d.Time.Add(-time.Duration(o))
			return d, nil
		}
	case Datetime:
		if op == syntax.MINUS && side == starlark.Left {
			return Timedelta(d.Time.Sub(o.Time)), nil
		}
	}
	return nil, nil
}

// AttrNames returns the parts and methods of a time.
func (d Datetime) AttrNames() []string {
	return []string{"astimezone", "date", "day", "hour", "isoformat", "microsecond", "minute", "month", "replace", "second", "strftime", "timestamp", "tzinfo", "year"}
}

// Attr returns a part or a method of the time.
func (d Datetime) Attr(name string) (starlark.Value, error) {
	parts := map[string]int{"year": d.Time.Year(), "month": int(d.Time.Month()), "day": d.Time.Day(), "hour": d.Time.Hour(),
		"minute": d.Time.Minute(), "second": d.Time.Second(), "microsecond": d.Time.Nanosecond() / 1000}
	if part, ok := parts[name]; ok {
		return starlark.MakeInt(part), nil
	}
	var f builtinFunc
	switch name {
	case "isoformat":
		f = constant(starlark.String(d.iso()))
	case "timestamp":
		f = constant(starlark.Float(float64(d.Time.UnixMicro()) / 1e6))
	case "date":
		f = constant(Datetime{Time: d.Time.Truncate(24 * time.Hour), Naive: true, Date: true})
	case "astimezone":
		f = constant(Datetime{Time: d.Time})
	case "strftime":
		f = one(func(v starlark.Value) (starlark.Value, error) {
			s, err := strftime(d.Time, text(v))
			return starlark.String(s), err
		})
	case "replace":
		f = d.replace
	case "tzinfo":
		return starlark.None, nil
	default:
		return nil, nil
	}
	return function(name, f), nil
}

func constant(v starlark.Value) builtinFunc {
	return func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return v, nil }
}

func (d Datetime) replace(_ *starlark.Thread, _ starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	parts := []starlark.Value{}
	for _, name := range datetimeOrder[:7] {
		part, _ := d.Attr(name)
		parts = append(parts, part)
	}
	naive := d.Naive
	for _, kw := range kwargs {
		for i, name := range datetimeOrder[:7] {
			if kw[0] == starlark.String(name) {
				parts[i] = kw[1]
			}
		}
		if kw[0] == starlark.String("tzinfo") {
			naive = kw[1] == starlark.None
		}
	}
	v, err := newDatetime(nil, parts, nil)
	if err != nil {
		return nil, err
	}
	replaced := v.(Datetime)
	replaced.Naive, replaced.Date = naive, d.Date
	return replaced, nil
}

var datetimeOrder = []string{"year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"}

func newDatetime(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > len(datetimeOrder) {
		return nil, errors.New("datetime takes at most 8 arguments")
	}
	parts := [7]int{}
	naive := true
	set := func(i int, v starlark.Value) error {
		if i == 7 {
			naive = v == starlark.None
			return nil
		}
		n, err := starlark.AsInt32(v)
		parts[i] = n
		return err
	}
	for i, a := range args {
		if err := set(i, a); err != nil {
			return nil, err
		}
	}
	for _, kw := range kwargs {
		for i, name := range datetimeOrder {
			if kw[0] == starlark.String(name) {
				if err := set(i, kw[1]); err != nil {
					return nil, err
				}
			}
		}
	}
	t := time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]*1000, time.UTC)
	if t.Year() != parts[0] || int(t.Month()) != parts[1] || t.Day() != parts[2] || parts[0] < 1 || parts[0] > 9999 {
		return nil, errors.New("there is no such day")
	}
	return Datetime{Time: t, Naive: naive}, nil
}

func newDate(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := newDatetime(thread, args, kwargs)
	if err != nil {
		return nil, err
	}
	d := v.(Datetime)
	d.Date = true
	return d, nil
}

package python

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Timedelta is Python's datetime.timedelta.
type Timedelta time.Duration

// maxTimedelta is the longest duration that fits: about 292 years. Python allows
// more; what is longer becomes this.
const maxTimedelta = Timedelta(math.MaxInt64)

func (d Timedelta) Type() string          { return "timedelta" }
func (d Timedelta) Freeze()               {}
func (d Timedelta) Truth() starlark.Bool  { return d != 0 }
func (d Timedelta) Hash() (uint32, error) { return starlark.MakeInt64(int64(d)).Hash() }

// String writes a duration as Python's str does: 1 day, 2:03:04.
func (d Timedelta) String() string {
	rest := time.Duration(d)
	days := rest / (24 * time.Hour)
	rest -= days * 24 * time.Hour
	if rest < 0 {
		days, rest = days-1, rest+24*time.Hour
	}
	clock := fmt.Sprintf("%d:%02d:%02d", int(rest.Hours()), int(rest.Minutes())%60, int(rest.Seconds())%60)
	if micros := rest.Microseconds() % 1e6; micros != 0 {
		clock += fmt.Sprintf(".%06d", micros)
	}
	switch days {
	case 0:
		return clock
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, clock)
	}
	return fmt.Sprintf("%d days, %s", days, clock)
}

// AttrNames returns the parts of a duration.
func (d Timedelta) AttrNames() []string {
	return []string{"days", "microseconds", "seconds", "total_seconds"}
}

// Attr returns a part of the duration, as Python splits it.
func (d Timedelta) Attr(name string) (starlark.Value, error) {
	days := int64(math.Floor(float64(d) / float64(24*time.Hour)))
	rest := int64(d) - days*int64(24*time.Hour)
	switch name {
	case "days":
		return starlark.MakeInt64(days), nil
	case "seconds":
		return starlark.MakeInt64(rest / int64(time.Second)), nil
	case "microseconds":
		return starlark.MakeInt64(rest % int64(time.Second) / int64(time.Microsecond)), nil
	case "total_seconds":
		return function(name, func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.Float(time.Duration(d).Seconds()), nil
		}), nil
	}
	return nil, nil
}

// Cmp compares two durations.
func (d Timedelta) Cmp(other starlark.Value, _ int) (int, error) {
	o := other.(Timedelta)
	switch {
	case d < o:
		return -1, nil
	case d > o:
		return 1, nil
	}
	return 0, nil
}

// Unary is -d and +d.
func (d Timedelta) Unary(op syntax.Token) (starlark.Value, error) {
	switch op {
	case syntax.MINUS:
		return -d, nil
	case syntax.PLUS:
		return d, nil
	}
	return nil, nil
}

// Binary is the arithmetic of durations among themselves and with numbers.
func (d Timedelta) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	if o, ok := other.(Timedelta); ok {
		left, right := d, o
		if side == starlark.Right {
			left, right = o, d
		}
		switch {
		case op == syntax.PLUS:
			return left + right, nil
		case op == syntax.MINUS:
			return left - right, nil
		case (op == syntax.SLASH || op == syntax.SLASHSLASH || op == syntax.PERCENT) && right == 0:
			return nil, errors.New("division by a timedelta of zero")
		case op == syntax.SLASH:
			return starlark.Float(float64(left) / float64(right)), nil
		case op == syntax.SLASHSLASH:
			return starlark.MakeInt64(int64(math.Floor(float64(left) / float64(right)))), nil
		case op == syntax.PERCENT:
			return left % right, nil
		}
		return nil, nil
	}
	n, isNumber := starlark.AsFloat(other)
	switch {
	case !isNumber:
		return nil, nil
	case op == syntax.STAR:
		return scaled(d, n), nil
	case side == starlark.Left && (op == syntax.SLASH || op == syntax.SLASHSLASH) && n != 0:
		return scaled(d, 1/n), nil
	case side == starlark.Left && (op == syntax.SLASH || op == syntax.SLASHSLASH):
		return nil, errors.New("division of a timedelta by zero")
	}
	return nil, nil
}

// scaled multiplies, keeping whole microseconds as Python does.
func scaled(d Timedelta, n float64) Timedelta {
	if n == math.Trunc(n) && math.Abs(float64(d)*n) < 1<<53 {
		return d * Timedelta(n)
	}
	micros := math.RoundToEven(float64(d) / float64(time.Microsecond) * n)
	if math.Abs(micros) >= float64(math.MaxInt64/int64(time.Microsecond)) {
		return maxTimedelta
	}
	return Timedelta(micros) * Timedelta(time.Microsecond)
}

var timedeltaUnits = map[string]time.Duration{
	"days": 24 * time.Hour, "seconds": time.Second, "microseconds": time.Microsecond, "milliseconds": time.Millisecond,
	"minutes": time.Minute, "hours": time.Hour, "weeks": 7 * 24 * time.Hour,
}

var timedeltaOrder = []string{"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}

func newTimedelta(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > len(timedeltaOrder) {
		return nil, errors.New("timedelta takes at most 7 arguments")
	}
	given := append([]starlark.Tuple{}, kwargs...)
	for i, a := range args {
		given = append(given, starlark.Tuple{starlark.String(timedeltaOrder[i]), a})
	}
	var total Timedelta
	for _, kw := range given {
		name := string(kw[0].(starlark.String))
		unit, ok := timedeltaUnits[name]
		if !ok {
			return nil, &Error{Message: fmt.Sprintf("timedelta has no argument %q", name), Hint: didYouMean(name, timedeltaOrder)}
		}
		if _, ok := kw[1].(unknown); ok {
			return Unknown, nil
		}
		n, ok := starlark.AsFloat(number(kw[1]))
		if !ok {
			return nil, fmt.Errorf("timedelta needs a number for %s, not %s", name, kw[1].Type())
		}
		part := scaled(Timedelta(unit), n)
		if part == maxTimedelta || (part > 0 && total > maxTimedelta-part) {
			return maxTimedelta, nil
		}
		total += part
	}
	return total, nil
}

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

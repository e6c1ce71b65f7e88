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

// PythonString writes a duration as Python's str does: 1 day, 2:03:04.
func (d Timedelta) PythonString() string {
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

// String writes a duration as Python's repr does: datetime.timedelta(days=1).
func (d Timedelta) String() string {
	var parts []string
	for _, name := range []string{"days", "seconds", "microseconds"} {
		if part, _ := d.Attr(name); part != starlark.MakeInt(0) {
			parts = append(parts, name+"="+part.String())
		}
	}
	if len(parts) == 0 {
		parts = []string{"0"}
	}
	return "datetime.timedelta(" + strings.Join(parts, ", ") + ")"
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

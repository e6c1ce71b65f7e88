package ondemand

import (
	"fmt"
	"math"
	"time"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
)

// timeParts are what .dt has without a call. Times are in UTC.
var timeParts = map[string]func(*vector) (*vector, error){
	"year":           part(func(t time.Time) int { return t.Year() }),
	"month":          part(func(t time.Time) int { return int(t.Month()) }),
	"day":            part(func(t time.Time) int { return t.Day() }),
	"hour":           part(func(t time.Time) int { return t.Hour() }),
	"minute":         part(func(t time.Time) int { return t.Minute() }),
	"second":         part(func(t time.Time) int { return t.Second() }),
	"microsecond":    part(func(t time.Time) int { return t.Nanosecond() / 1000 }),
	"dayofweek":      part(weekday),
	"weekday":        part(weekday),
	"day_of_week":    part(weekday),
	"dayofyear":      part(func(t time.Time) int { return t.YearDay() }),
	"day_of_year":    part(func(t time.Time) int { return t.YearDay() }),
	"quarter":        part(func(t time.Time) int { return (int(t.Month()) + 2) / 3 }),
	"days":           spanPart(func(d int64) int64 { return floored("//", d, day) }),
	"seconds":        spanPart(func(d int64) int64 { return floored("%", d, day) / 1e6 }),
	"is_month_start": timeTest(func(t time.Time) bool { return t.Day() == 1 }),
	"is_month_end":   timeTest(func(t time.Time) bool { return t.AddDate(0, 0, 1).Day() == 1 }),
}

// timeMethods are those of .dt.
var timeMethods = map[string]method{
	"total_seconds": totalSeconds,
	"normalize":     floorTime(map[string]int64{"": day}, ""),
	"floor":         floorTime(units, "freq"),
	"tz_convert":    inUTC,
	"tz_localize":   inUTC,
}

// day is one in microseconds.
const day = int64(24 * time.Hour / time.Microsecond)

var units = map[string]int64{"D": day, "d": day, "h": day / 24, "H": day / 24, "min": 60e6, "T": 60e6, "s": 1e6, "S": 1e6, "ms": 1e3, "us": 1}

// weekday counts from Monday, 0.
func weekday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

func onTimes(v *vector, k kind, f func(i int, t time.Time, out *vector)) (*vector, error) {
	if v.kind == kindNull {
		return v.asKind(k), nil
	}
	if v.kind != kindTime {
		return nil, fmt.Errorf("%s have no such part", v.kind)
	}
	return onValues(v, k, func(i int, out *vector) { f(i, time.UnixMicro(v.ints[i]).UTC(), out) }), nil
}

// onValues has f set what belongs to each value of v; nulls stay.
func onValues(v *vector, k kind, f func(i int, out *vector)) *vector {
	out := newVector(k, v.n)
	for i := range v.n {
		if v.isNull(i) {
			out.setNull(i)
		} else {
			f(i, out)
		}
	}
	return out
}

func part(f func(time.Time) int) func(*vector) (*vector, error) {
	return func(v *vector) (*vector, error) {
		return onTimes(v, kindInt, func(i int, t time.Time, out *vector) { out.ints[i] = int64(f(t)) })
	}
}

// timeTest is a question about a time, false of a null.
func timeTest(f func(time.Time) bool) func(*vector) (*vector, error) {
	return func(v *vector) (*vector, error) {
		out, err := onTimes(v, kindBool, func(i int, t time.Time, out *vector) { out.bools[i] = f(t) })
		if err == nil {
			out.null = nil
		}
		return out, err
	}
}

// spanPart is of a duration: its whole days, rounded down, or what is left.
func spanPart(f func(d int64) int64) func(*vector) (*vector, error) {
	return func(v *vector) (*vector, error) {
		if v.kind != kindSpan && v.kind != kindNull {
			return nil, fmt.Errorf("%s have no such part", v.kind)
		}
		return onValues(v, kindInt, func(i int, out *vector) { out.ints[i] = f(v.ints[i]) }), nil
	}
}

func totalSeconds(s *series, a *arguments) (*vector, error) {
	if err := a.unpack(); err != nil {
		return nil, err
	}
	if s.kind == kindNull {
		return s.asKind(kindFloat), nil
	}
	if s.kind != kindSpan {
		return nil, fmt.Errorf("total_seconds is for durations, and these are %s", s.kind)
	}
	return onValues(s.vector, kindFloat, func(i int, out *vector) { out.floats[i] = float64(s.ints[i]) / 1e6 }), nil
}

func floorTime(sizes map[string]int64, parameter string) method {
	return func(s *series, a *arguments) (*vector, error) {
		freq := ""
		var err error
		if parameter == "" {
			err = a.unpack()
		} else {
			err = a.unpack(parameter, &freq)
		}
		if err != nil {
			return nil, err
		}
		size, ok := sizes[freq]
		if !ok {
			return nil, unsupported(fmt.Sprintf("floor(%q) is used", freq))
		}
		return onTimes(s.vector, kindTime, func(i int, t time.Time, out *vector) {
			out.ints[i] = floored("//", t.UnixMicro(), size) * size
		})
	}
}

// inUTC takes the zones in which a time stays as it is.
func inUTC(s *series, a *arguments) (*vector, error) {
	var zone starlark.Value = starlark.None
	if err := a.unpack("tz", &zone); err != nil {
		return nil, err
	}
	if name, ok := starlark.AsString(zone); zone != starlark.None && (!ok || name != "UTC" && name != "utc") {
		return nil, unsupported("a time zone other than UTC")
	}
	return s.vector, nil
}

// toTimes reads texts as times, and numbers as such since 1970 in the unit.
func toTimes(v *vector, unit string) (*vector, error) {
	out := newVector(kindTime, v.n)
	size := map[string]float64{"s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3, "": 1e-3, "D": float64(day)}[unit]
	for i := range v.n {
		if v.isNull(i) {
			out.setNull(i)
			continue
		}
		switch v.kind {
		case kindTime:
			out.ints[i] = v.ints[i]
		case kindText:
			t, ok := asof.ParseTime(v.texts[i])
			if !ok {
				return nil, fmt.Errorf("%q is no time", v.texts[i])
			}
			out.ints[i] = t.UnixMicro()
		case kindInt:
			if size < 1 {
				out.ints[i] = floored("//", v.ints[i], 1000)
			} else {
				out.ints[i] = v.ints[i] * int64(size)
			}
		case kindFloat:
			out.ints[i] = int64(math.RoundToEven(v.floats[i] * size))
		default:
			return nil, fmt.Errorf("%s cannot be made times", v.kind)
		}
	}
	return out, nil
}

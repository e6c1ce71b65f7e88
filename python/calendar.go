package python

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

// A class is a callable with attributes, such as datetime with its now.
type class struct {
	name    string
	call    builtinFunc
	members map[string]starlark.Value
}

func (c *class) String() string        { return "<class '" + c.name + "'>" }
func (c *class) Type() string          { return "type" }
func (c *class) Freeze()               {}
func (c *class) Truth() starlark.Bool  { return true }
func (c *class) Hash() (uint32, error) { return starlark.String(c.name).Hash() }
func (c *class) Name() string          { return c.name }
func (c *class) AttrNames() []string   { return sortedKeys(c.members) }

// Attr returns a member of the class.
func (c *class) Attr(name string) (starlark.Value, error) {
	if name == "__name__" {
		return starlark.String(c.name), nil
	}
	if v, ok := c.members[name]; ok {
		return v, nil
	}
	return nil, &Error{Message: fmt.Sprintf("%s has no %q", c.name, name), Hint: didYouMean(name, c.AttrNames())}
}

func (c *class) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	for _, a := range args {
		if _, ok := a.(unknown); ok {
			return Unknown, nil
		}
	}
	return c.call(thread, args, kwargs)
}

// datetimeModule is the module datetime.
func datetimeModule() *Namespace {
	now := func(naive bool) *starlark.Builtin {
		return function("now", func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return Datetime{Time: time.Now().UTC().Truncate(time.Microsecond), Naive: naive && len(args)+len(kwargs) == 0}, nil
		})
	}
	datetime := &class{name: "datetime", call: newDatetime, members: map[string]starlark.Value{
		"now": now(true), "utcnow": now(true), "today": now(true),
		"fromisoformat": function("fromisoformat", one(fromISO)), "strptime": function("strptime", strptime),
		"min": Datetime{Time: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), Naive: true},
		"max": Datetime{Time: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), Naive: true},
	}}
	date := &class{name: "date", call: newDate, members: map[string]starlark.Value{
		"today": function("today", func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return Datetime{Time: time.Now().UTC().Truncate(24 * time.Hour), Naive: true, Date: true}, nil
		}),
		"fromisoformat": function("fromisoformat", one(func(v starlark.Value) (starlark.Value, error) {
			t, err := time.Parse("2006-01-02", text(v))
			return Datetime{Time: t, Naive: true, Date: true}, err
		})),
	}}
	timedelta := &class{name: "timedelta", call: newTimedelta, members: map[string]starlark.Value{"max": maxTimedelta, "min": -maxTimedelta, "resolution": Timedelta(time.Microsecond)}}
	utc := inert{"UTC"}
	return &Namespace{Name: "datetime", Members: map[string]starlark.Value{
		"datetime": datetime, "date": date, "timedelta": timedelta,
		"timezone": &class{name: "timezone", call: constant(utc), members: map[string]starlark.Value{"utc": utc}},
		"UTC":      utc, "tzinfo": inert{"tzinfo"}, "time": inert{"time"},
	}}
}

var isoLayouts = []string{
	"2006-01-02T15:04:05.999999", "2006-01-02T15:04", "2006-01-02",
	"2006-01-02T15:04:05.999999Z07:00", "2006-01-02T15:04Z07:00",
}

func fromISO(v starlark.Value) (starlark.Value, error) {
	s := strings.Replace(text(v), " ", "T", 1)
	for i, layout := range isoLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return Datetime{Time: t.UTC(), Naive: i < 3}, nil
		}
	}
	return nil, fmt.Errorf("%s is not a time in ISO format", repr(v))
}

// layouts are the codes of strftime and strptime that Go's formats have too.
var layouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'I': "03", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'z': "-0700", 'Z': "MST",
}

func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		layout, ok := layouts[format[i]]
		switch {
		case ok:
			b.WriteString(t.Format(layout))
		case format[i] == '%':
			b.WriteByte('%')
		case format[i] == 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case format[i] == 's':
			fmt.Fprint(&b, t.Unix())
		default:
			return "", fmt.Errorf("the format code %%%c of strftime is not known", format[i])
		}
	}
	return b.String(), nil
}

func strptime(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("strptime needs a text and a format")
	}
	layout := percentVerb.ReplaceAllStringFunc(text(args[1]), func(verb string) string {
		if verb == "%f" {
			return "999999"
		}
		return layouts[verb[len(verb)-1]]
	})
	t, err := time.Parse(layout, text(args[0]))
	if err != nil {
		return nil, fmt.Errorf("the time %s does not match the format %s", repr(args[0]), repr(args[1]))
	}
	return Datetime{Time: t.UTC(), Naive: !strings.Contains(text(args[1]), "%z")}, nil
}

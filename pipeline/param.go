package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// params checks the given parameters and fills in defaults.
func (r *run) params() error {
	var known []string
	r.values = map[string]string{}
	var wrong asof.Problems
	problem := func(format string, args ...any) {
		wrong = append(wrong, asof.Problem{Message: "pipeline " + r.Pipeline.Name + ": " + fmt.Sprintf(format, args...)})
	}
	for _, p := range r.Pipeline.Params {
		known = append(known, p.Name)
		value, given := r.Params[p.Name]
		switch {
		case !given && p.Required:
			problem("the parameter %s is missing: add %s=%s", p.Name, p.Name, map[ParamType]string{ParamDate: "2024-01-31", ParamString: "VALUE"}[p.Type])
		case given && p.Type == ParamDate && !isDate(value):
			problem("the parameter %s has to be a date like 2024-01-31, and not %q", p.Name, value)
		case !given:
			value = p.Default
		}
		r.values[p.Name] = value
	}
	for name := range r.Params {
		if !slices.Contains(known, name) {
			problem("there is no parameter %q%s", name, orKnown(name, known))
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b asof.Problem) int { return strings.Compare(a.Message, b.Message) })
		return wrong.Err()
	}
	asOf, err := time.Parse(time.DateOnly, r.values[AsOfParam])
	r.report.AsOf = asOf
	return err
}

// fill puts the parameters' values into a text.
func (r *run) fill(text string) string {
	return paramInUse.ReplaceAllStringFunc(text, func(match string) string {
		return r.values[paramInUse.FindStringSubmatch(match)[1]]
	})
}

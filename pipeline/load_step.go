package pipeline

import (
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	runner "github.com/asof-dev/asof/run"
	"github.com/asof-dev/asof/schedule"
)

// steps reads the steps of a run.
func (f *fileReader) steps(nodes []ast.Node) (steps []Step) {
	var shown *Step // the first step that shows what was published
	for _, n := range nodes {
		step, kind := f.step(n, steps)
		if step == nil {
			continue
		}
		if kind.place == stages && shown != nil {
			f.problem(n, "%s has to stand before `%s`, which shows what was published", step.Name, shown.Name)
		}
		steps = append(steps, *step)
		if kind.place == shows && shown == nil {
			shown = step
		}
	}
	return steps
}

// afterFailure reads a step of on_failure.
func (f *fileReader) afterFailure(n ast.Node) {
	if f.p.param(ErrorParam) == nil {
		f.p.Params = append(f.p.Params, Param{Name: ErrorParam, Type: ParamString})
		defer func() { f.p.Params = f.p.Params[:len(f.p.Params)-1] }()
	}
	step, kind := f.step(n, f.p.OnFailure)
	switch {
	case step == nil:
	case kind.place != anywhere:
		f.problem(n, "when a run has failed, a step is of the kind command, http or notify, and not %s", kind.name)
	default:
		f.p.OnFailure = append(f.p.OnFailure, *step)
	}
}

// step reads a step that stands behind others; nil where it cannot be told what
// it is.
func (f *fileReader) step(n ast.Node, before []Step) (*Step, *stepKind) {
	kind := f.kind(n)
	if kind == nil {
		return nil, nil
	}
	values := f.object(n, "a "+kind.name+" step", append(slices.Clone(kind.keys), stepKeys...))
	step := kind.read(f, n, values)
	if step == nil {
		return nil, nil
	}
	step.Place, step.Kind = f.place(n), kind.name
	f.named(values["name"], step, before)
	step.Needs = f.texts(values["needs"], "needs")
	for _, need := range step.Needs {
		f.needed(values["needs"], need, before)
	}
	if when := values["when"]; when != nil {
		condition, reason := f.p.condition(f.text(when, "when"))
		if reason != "" {
			f.problem(when, "when: %s", reason)
		}
		step.When = condition
	}
	step.Timeout = f.duration(values["timeout"], "timeout", step.Timeout)
	if values["retries"] != nil {
		step.Retries = f.retries(values["retries"])
	}
	return step, kind
}

// kind finds what a step does: the key that one of stepKinds has. Another such
// key may be one of its own.
func (f *fileReader) kind(n ast.Node) (found *stepKind) {
	entries := f.entries(n, "a step")
	for i := range stepKinds {
		k := &stepKinds[i]
		for _, e := range entries {
			switch {
			case e.name != k.name || found != nil && slices.Contains(found.keys.names(), k.name):
			case found != nil && !slices.Contains(k.keys.names(), found.name):
				f.problem(e.key, "a step does one thing, and this one has both `%s` and `%s`: make two of it", found.name, k.name)
				return nil
			default:
				found = k
			}
		}
	}
	if found == nil && len(entries) > 0 {
		f.problem(n, "a step starts with what it does, and not with %q%s", entries[0].name, orKnown(entries[0].name, kindNames()))
	}
	return found
}

// named gives a step its name: the file's, or one of what it does with a number
// where another has that.
func (f *fileReader) named(n ast.Node, step *Step, before []Step) {
	taken := func(name string) bool {
		return name == PublishStep || slices.ContainsFunc(before, func(s Step) bool { return s.Name == name })
	}
	if n == nil {
		base := step.Name
		for i := 2; taken(step.Name); i++ {
			step.Name = base + " " + strconv.Itoa(i)
		}
		return
	}
	step.Name = f.text(n, "name")
	switch {
	case taken(step.Name):
		f.problem(n, "another step is called %q already", step.Name)
	case step.Name == "" || len(step.Name) > 100:
		f.problem(n, "the name of a step has 1 to 100 characters")
	}
}

func (f *fileReader) needed(n ast.Node, need string, before []Step) {
	var known []string
	for _, s := range before {
		known = append(known, s.Name)
	}
	switch {
	case slices.Contains(known, need):
	case len(known) == 0:
		f.problem(n, "needs: there is no step before this one")
	default:
		f.problem(n, "needs: no earlier step is called %q%s", need, orKnown(need, known))
	}
}

// usualRetries are what is not said of retries.
func usualRetries(times int) runner.Retry {
	return runner.Retry{Times: times, Delay: time.Second, MaxDelay: 5 * time.Minute, Jitter: 0.2}
}

func (f *fileReader) retries(n ast.Node) runner.Retry {
	if !isMapping(n) {
		return usualRetries(f.whole(n, "retries", 0, 100))
	}
	values := f.object(n, "retries", retryKeys)
	r := usualRetries(f.whole(values["times"], "times", 0, 100))
	r.Delay = f.duration(values["wait"], "wait", r.Delay)
	r.MaxDelay = f.duration(values["most"], "most", r.MaxDelay)
	if values["jitter"] != nil {
		if r.Jitter = f.number(values["jitter"], "jitter"); r.Jitter < 0 || r.Jitter > 1 {
			f.problem(values["jitter"], "jitter is a share from 0 to 1")
		}
	}
	return r
}

// duration reads a length of time; what is not said is usual.
func (f *fileReader) duration(n ast.Node, what string, usual time.Duration) time.Duration {
	if n == nil {
		return usual
	}
	text := f.text(n, what)
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		f.problem(n, "%s has to be a time like 90s, 15m or 6h, and not %q", what, text)
		return usual
	}
	return d
}

// whole reads a whole number within bounds; nil is the least.
func (f *fileReader) whole(n ast.Node, what string, least, most int) int {
	if n == nil {
		return least
	}
	number, err := strconv.Atoi(f.text(n, what))
	if err != nil || number < least || number > most {
		f.problem(n, "%s has to be a whole number from %d to %d", what, least, most)
	}
	return number
}

func (f *fileReader) concurrency(n ast.Node) {
	f.p.Concurrency = Concurrency{Runs: 1, Steps: 4}
	if n == nil {
		return
	}
	values := f.object(n, "concurrency", concurrencyKeys)
	for name, into := range map[string]*int{"runs": &f.p.Concurrency.Runs, "steps": &f.p.Concurrency.Steps} {
		if values[name] != nil {
			*into = f.whole(values[name], name, 1, 1000)
		}
	}
}

func (f *fileReader) timezone(n ast.Node) {
	if n == nil {
		return
	}
	zone, err := schedule.Zone(f.text(n, "timezone"))
	if err != nil {
		f.problem(n, "%s", err)
	}
	f.p.Zone = zone
}

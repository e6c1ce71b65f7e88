package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/definition"
)

// Store is one of a repository's stores. Err says why it cannot be used, nil
// where it answers; Unknown that no engine of its type is there.
type Store struct {
	Role    string // registry, offline store, online store
	Section definition.Section
	Place   asof.Place
	Unknown bool
	Err     error
	Says    string // what it holds, where it answers
}

// Patient is a repository, as far as it could be read.
type Patient struct {
	Config     *definition.Config
	Stores     []Store
	Defined    *definition.Result // nil where the definitions could not be read
	Unread     error              // why
	Registered *asof.Snapshot     // nil where the registry could not be read
	Plan       *apply.Plan        // nil where none could be made
	Unplanned  error              // why
	// Function says how the function of an on-demand view runs, and whether it does.
	Function func(*asof.OnDemandFeatureView) (sentence string, ok bool)
}

// Examine says what there is to say about a repository.
func Examine(p *Patient) *Report {
	r := &Report{Project: p.Config.Project, Findings: []Finding{}}
	r.stores(p)
	r.settings(p)
	r.definitions(p)
	r.registered(p)
	r.views(p)
	r.others(p)
	r.next(p)
	order := []Group{Works, Differs, Fails}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return slices.Index(order, a.Group) - slices.Index(order, b.Group) })
	return r
}

// instead says what to do about a store that is not there.
var instead = map[string]string{
	"registry":      "keep `feast serve_registry` in front of it, or move to a file or to registry_type: sql on PostgreSQL or SQLite",
	"offline store": "leave training data and materialization to Feast, or bring the tables to PostgreSQL or Parquet (offline_store of type postgres or duckdb)",
	"online store":  "leave online reads to Feast's server, or materialize into redis, postgres or sqlite",
}

func (r *Report) stores(p *Patient) {
	for _, s := range p.Stores {
		at := s.Place.String()
		switch {
		case s.Unknown:
			r.add(Fails, "", fmt.Sprintf("%s of type %q is not one that this binary has: %s", s.Role, s.Section.Type, instead[s.Role]), at)
		case s.Err != nil:
			r.problems(Fails, fmt.Sprintf("%s of type %q does not answer", s.Role, s.Section.Type), s.Err, at)
		default:
			r.add(Works, "", fmt.Sprintf("%s of type %q%s", s.Role, s.Section.Type, s.Says), at)
		}
	}
}

// problems adds an error, or each of the problems that it is made of.
func (r *Report) problems(group Group, what string, err error, at string) {
	var problems asof.Problems
	if !errors.As(err, &problems) {
		r.add(group, "", what+": "+err.Error(), at)
		return
	}
	for _, problem := range problems {
		place := problem.Place.String()
		if place == "" {
			place = at
		}
		r.add(group, "", problem.Message, place)
	}
}

func (r *Report) definitions(p *Patient) {
	if p.Unread != nil {
		r.problems(Fails, "the definitions cannot be read", p.Unread, "")
		return
	}
	if p.Defined == nil {
		return
	}
	counts := map[asof.Kind]int{}
	for _, o := range p.Defined.Objects {
		counts[o.ObjectKind()]++
	}
	var words []string
	for _, kind := range []asof.Kind{asof.KindEntity, asof.KindDataSource, asof.KindFeatureView, asof.KindOnDemandView, asof.KindLabelView, asof.KindService} {
		if n := counts[kind]; n == 1 {
			words = append(words, fmt.Sprintf("1 %s", kind))
		} else if n > 1 {
			words = append(words, fmt.Sprintf("%d %s", n, plural(kind)))
		}
	}
	if len(words) > 0 {
		r.add(Works, "", "the definitions are read, without Python: "+strings.Join(words, ", "))
	}
	var skipped []string
	for _, s := range p.Defined.Skipped {
		skipped = append(skipped, s.File+": "+s.Reason)
	}
	if len(skipped) > 0 {
		r.add(Differs, "Definitions: reading", "files that are no definitions are not run", skipped...)
	}
	r.warnings(p.Defined.Warnings)
	if p.Unplanned != nil {
		r.problems(Fails, "apply would fail", p.Unplanned, "")
	}
}

func plural(kind asof.Kind) string {
	if kind == asof.KindEntity {
		return "entities"
	}
	return string(kind) + "s"
}

// warnings are what is ignored, or probably not meant.
func (r *Report) warnings(problems asof.Problems) {
	for _, w := range problems {
		r.add(Differs, "", w.Message, w.Place.String())
	}
}

// registered says what the registry has, against what the files define.
func (r *Report) registered(p *Patient) {
	if p.Registered == nil || p.Registered.Project() == nil || p.Plan == nil {
		return
	}
	if p.Plan.Empty() {
		r.add(Works, "", "what is registered is what the files define: `apply` would change nothing")
		return
	}
	var changes []string
	for _, c := range p.Plan.Changes {
		line := fmt.Sprintf("%s %s %s", c.Action, c.Kind, c.Name)
		if at := c.Place.String(); at != "" {
			line = at + " " + line
		}
		for _, f := range c.Fields {
			line += " (" + f.Field + ")"
		}
		changes = append(changes, line)
	}
	r.add(Differs, "", "the files define something else than what is registered: `plan` shows what `apply` would change", changes...)
}

// objects returns what the files define, and what is registered besides.
func (p *Patient) objects(kind asof.Kind) (all []asof.Object) {
	seen := map[string]bool{}
	if p.Defined != nil {
		for _, o := range p.Defined.Objects {
			if o.ObjectKind() == kind {
				all, seen[o.ObjectName()] = append(all, o), true
			}
		}
	}
	if p.Registered != nil {
		for _, o := range p.Registered.Objects(kind) {
			if !seen[o.ObjectName()] {
				all = append(all, o)
			}
		}
	}
	return all
}

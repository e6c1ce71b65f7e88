// Package doctor looks at somebody's Feast repository and says what works as it
// is, what will answer differently and why, what does not work, and what to do
// next. It changes nothing.
package doctor

import "github.com/asof-dev/asof"

// Group says what a finding means for who moves the repository.
type Group string

// The groups, in the order in which a report has them.
const (
	Works   Group = "works"   // as it is
	Differs Group = "differs" // answers, and not as Feast does
	Fails   Group = "fails"   // does not work: has to be changed, or stays with Feast
)

// Finding is one thing that was seen. Places are where, as FILE:LINE NAME; of a
// registered object that no file has, "registry: NAME". See names the row of
// docs/differences-from-feast.md that says why, by its section and its first
// column.
type Finding struct {
	Group   Group    `json:"group"`
	Message string   `json:"message"`
	Places  []string `json:"places,omitempty"`
	See     string   `json:"see,omitempty"`
}

// Report is what was found, by group.
type Report struct {
	Project  string    `json:"project"`
	Findings []Finding `json:"findings"`
	Next     []string  `json:"next"`
}

// Blocked reports whether something does not work.
func (r *Report) Blocked() bool { return len(r.Of(Fails)) > 0 }

// Of returns the findings of a group.
func (r *Report) Of(group Group) (some []Finding) {
	for _, f := range r.Findings {
		if f.Group == group {
			some = append(some, f)
		}
	}
	return some
}

// add adds a finding that has no place of its own, or the places given.
func (r *Report) add(group Group, see, message string, places ...string) {
	r.Findings = append(r.Findings, Finding{Group: group, Message: message, Places: places, See: see})
}

// many adds a finding about objects, where there are any.
func (r *Report) many(group Group, see, message string, objects []asof.Object) {
	if len(objects) == 0 {
		return
	}
	places := make([]string, len(objects))
	for i, o := range objects {
		places[i] = placeOf(o)
	}
	r.add(group, see, message, places...)
}

func placeOf(o asof.Object) string {
	if at := asof.MetaOf(o).Place.String(); at != "" {
		return at + " " + o.ObjectName()
	}
	return "registry: " + o.ObjectName()
}

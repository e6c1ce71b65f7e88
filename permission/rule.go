package permission

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// Set are the permissions of one project. It is immutable, and may be asked by
// several goroutines.
type Set struct {
	rules    []*rule
	problems []string

	byName sync.Map // []*rule whose patterns match a name
	names  atomic.Int64
}

// maxNames bounds the names that are remembered: a caller may ask to create an
// object of any name.
const maxNames = 100_000

// rule is a permission, ready to be asked.
type rule struct {
	name     string
	types    typeSet
	actions  Action
	patterns []pattern // of names; none for every name
	tags     map[string]string
	policy   policy
}

// NewSet reads the permissions of a project. One that cannot be read grants
// nothing, and is told of by Problems.
func NewSet(list []*core.Permission) *Set {
	s := &Set{}
	for _, p := range list {
		r, err := newRule(p.GetSpec())
		if err != nil {
			s.problems = append(s.problems, fmt.Sprintf("permission %q grants nothing: %s", p.GetSpec().GetName(), err))
		}
		s.rules = append(s.rules, r)
	}
	return s
}

// snapshotSet reads the permissions of a snapshot.
func snapshotSet(snapshot *asof.Snapshot) *Set {
	var list []*core.Permission
	for _, o := range snapshot.Objects(asof.KindPermission) {
		m := &core.Permission{}
		if err := proto.Unmarshal(o.(*asof.Opaque).Meta.Stored, m); err != nil {
			m = &core.Permission{Spec: &core.PermissionSpec{Name: o.ObjectName()}} // without actions it grants nothing
		}
		list = append(list, m)
	}
	return NewSet(list)
}

// newRule returns the rule of a permission, beside an error one that covers
// nothing.
func newRule(spec *core.PermissionSpec) (*rule, error) {
	r := &rule{name: spec.GetName(), types: typesOf(spec.GetTypes()...), tags: spec.GetRequiredTags()}
	if r.types == 0 { // as in Feast
		r.types = ^typeSet(0)
	}
	for _, text := range spec.GetNamePatterns() {
		p, err := newPattern(text)
		if err != nil {
			return r, err
		}
		r.patterns = append(r.patterns, p)
	}
	var err error
	if r.policy, err = newPolicy(spec.GetPolicy()); err != nil {
		return r, err
	}
	if len(spec.GetActions()) == 0 {
		return r, fmt.Errorf("it has no actions")
	}
	for _, a := range spec.GetActions() {
		r.actions |= 1 << a
	}
	return r, nil
}

// Empty reports whether the project has no permissions: it is open to everybody
// who has a token.
func (s *Set) Empty() bool { return len(s.rules) == 0 }

// Problems are sentences about permissions that cannot be read.
func (s *Set) Problems() []string { return s.problems }

// Allows reports whether the user may do all of the actions to the resource.
func (s *Set) Allows(u *User, r Resource, actions Action) bool {
	if s.Empty() || u.Server {
		return true
	}
	for _, rule := range s.named(r.Name) {
		if rule.covers(r, actions) && rule.policy.grants(u) {
			return true
		}
	}
	return false
}

// Check returns nil where the user may do all of the actions to the resource,
// an asof.CodeForbidden error where they may not.
func (s *Set) Check(u *User, r Resource, actions Action) error {
	if s.Allows(u, r, actions) {
		return nil
	}
	var asks []string
	for _, rule := range s.named(r.Name) {
		if rule.covers(r, actions) {
			asks = append(asks, fmt.Sprintf("permission %s asks for %s", rule.name, rule.policy.asks()))
		}
	}
	if len(asks) == 0 {
		asks = []string{"no permission covers that"}
	}
	return asof.Errorf(asof.CodeForbidden, "%s is not permitted to %s %s %s: %s", u.Name, actions, r.Kind, r.Name, strings.Join(asks, "; "))
}

// named returns the rules whose patterns match a name.
func (s *Set) named(name string) []*rule {
	if known, ok := s.byName.Load(name); ok {
		return known.([]*rule)
	}
	var matching []*rule
	for _, r := range s.rules {
		if matchesAny(r.patterns, name) {
			matching = append(matching, r)
		}
	}
	if s.names.Add(1) <= maxNames {
		s.byName.Store(name, matching)
	}
	return matching
}

func (r *rule) covers(o Resource, actions Action) bool {
	return r.types&o.types != 0 && r.actions&actions == actions && r.hasTags(o.Tags)
}

func (r *rule) hasTags(tags map[string]string) bool {
	for name, want := range r.tags {
		if has, ok := tags[name]; !ok || has != want {
			return false
		}
	}
	return true
}

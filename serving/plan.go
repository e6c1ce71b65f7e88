package serving

import (
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// plan is what a selection needs, worked out for one state of the registry.
type plan struct {
	features []planFeature   // in the order asked
	quoted   []byte          // their names as JSON, with commas
	readings []planReading   // one for each view and way to name its entities
	computed []planComputed  // one for each on-demand view
	groups   []planGroup     // one for each kind of entity key
	keys     []planKey       // the columns that the request has to have
	roles    map[string]role // every column that a request may have
	names    []string        // of roles, for "did you mean"
	views    []ViewVersion
	uses     []asof.Object // what a caller has to be permitted to read
	sink     *Sink         // of answers; nil: none is kept
}

type planFeature struct {
	name            string
	reading, column int
	computed        bool // reading is one of plan.computed, column one of its view's features
}

type planReading struct {
	view     *asof.FeatureView
	features []string
	group    int
	maxAge   int64 // microseconds; 0 for no limit
}

// planGroup is a kind of entity key, and the columns it is made from.
type planGroup struct {
	names   []string // the join keys
	keys    []int    // of plan.keys, in the order of names
	encoder *entitykey.Encoder
}

// planKey is a column of the request as a key of one type.
type planKey struct {
	name string // the join key, as the request names it
	typ  asof.ValueType
	view string // one that needs it
}

// role is what a column of a request is for.
type role struct {
	name   string         // as the answer names it; "" for a column that it does not show
	keys   []int          // of plan.keys: the key in each of its types; none for a column that nothing asked for needs
	typ    asof.ValueType // of a column that nothing needs
	ignore bool           // its values are not even looked at
}

// ViewVersion is a view of an answer, and its version; 0 is the first.
type ViewVersion struct {
	Name    string
	Version int32
}

// compile makes the plan of a selection.
func compile(s *asof.Snapshot, sel Selection, keyVersion int, program compileFunc, sink func(*Selected) *Sink) (*plan, error) {
	list, err := resolve(s, sel)
	if err != nil {
		return nil, err
	}
	p := &plan{roles: map[string]role{}}
	for i := range list {
		c := &list[i]
		f := planFeature{name: c.feature}
		if sel.FullNames {
			f.name = c.prefix() + "__" + c.feature
		}
		if c.onDemand != nil {
			f.computed, f.column = true, slices.IndexFunc(c.onDemand.Features, func(o asof.Field) bool { return o.Name == c.feature })
			f.reading, err = p.compute(s, c.onDemand, keyVersion, program)
		} else {
			f.reading, err = p.reading(c, keyVersion)
		}
		if err != nil {
			return nil, err
		}
		if c.onDemand == nil {
			f.column = p.readings[f.reading].column(c.feature)
			if v := (ViewVersion{c.view.Name, c.view.VersionNumber}); !slices.Contains(p.views, v) {
				p.views = append(p.views, v)
			}
		}
		p.quoted = value.AppendQuoted(comma(p.quoted, len(p.features)), f.name, false)
		p.features = append(p.features, f)
	}
	p.assignRoles(s)
	p.uses = p.objects(s, sel)
	if err := p.collision(list, sel.FullNames); err != nil || sink == nil {
		return p, err
	}
	p.sink = sink(p.selected(s, list, sel.Service))
	return p, nil
}

// objects returns what a selection reads: a service, which stands for its views,
// or views with those that they are computed from.
func (p *plan) objects(s *asof.Snapshot, sel Selection) []asof.Object {
	if sel.Service != "" {
		return []asof.Object{s.Object(asof.KindService, sel.Service)}
	}
	var list []asof.Object
	for _, r := range p.readings {
		o := s.Object(asof.KindFeatureView, r.view.Name)
		if o == nil { // on-demand features that were stored
			o = s.Object(asof.KindOnDemandView, r.view.Name)
		}
		if !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	for _, c := range p.computed {
		list = append(list, c.view)
	}
	return list
}

// reading returns the place of the reading of a view, whose entities are named
// as the projection says; it is added where there is none yet.
func (p *plan) reading(c *chosen, keyVersion int) (int, error) {
	fields := joinKeys(c.view)
	names := make([]string, len(fields))
	keys := make([]int, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		column := f.Name
		if c.use != nil && c.use.JoinKeyMap[f.Name] != "" {
			column = c.use.JoinKeyMap[f.Name]
		}
		keys[i] = p.key(column, f.Type.Value, c.view.Name)
	}
	for i, r := range p.readings {
		if r.view.Name == c.view.Name && slices.Equal(p.groups[r.group].keys, keys) {
			return i, nil
		}
	}
	group, err := p.group(names, keys, keyVersion)
	if err != nil {
		return 0, asof.Errorf(asof.ErrorCode(err), "feature view %q: %w", c.view.Name, err)
	}
	p.readings = append(p.readings, planReading{c.view, nil, group, int64(c.view.MaxAge() / time.Microsecond)})
	return len(p.readings) - 1, nil
}

// group returns the place of the kind of key. Views share one when they have
// the same join keys, filled from the same columns.
func (p *plan) group(names []string, keys []int, keyVersion int) (int, error) {
	for i, g := range p.groups {
		if slices.Equal(g.keys, keys) && slices.Equal(g.names, names) {
			return i, nil
		}
	}
	encoder, err := entitykey.NewEncoder(keyVersion, names...)
	if err != nil {
		return 0, err
	}
	p.groups = append(p.groups, planGroup{names, keys, encoder})
	return len(p.groups) - 1, nil
}

func (p *plan) key(name string, typ asof.ValueType, view string) int {
	at := slices.IndexFunc(p.keys, func(k planKey) bool { return k.name == name && k.typ == typ })
	if at < 0 {
		at = len(p.keys)
		p.keys = append(p.keys, planKey{name, typ, view})
	}
	return at
}

// assignRoles says what each column that a request may have is for. The join
// keys that the features need come first; then those of the project's other
// entities, which the answer repeats as Feast's does; an entity may be called by
// its name as well.
func (p *plan) assignRoles(s *asof.Snapshot) {
	for i, k := range p.keys {
		r := p.roles[k.name]
		r.name, r.keys = k.name, append(r.keys, i)
		p.roles[k.name] = r
	}
	set := func(name string, r role) {
		if _, taken := p.roles[name]; !taken {
			p.roles[name] = r
		}
	}
	for _, e := range s.Entities() {
		if e.Name != asof.DummyEntity {
			set(e.JoinKey, role{name: e.JoinKey, typ: e.ValueType})
		}
	}
	for _, e := range s.Entities() {
		set(e.Name, p.roles[e.JoinKey])
	}
	set(asof.DummyEntity, role{ignore: true})
	set(asof.DummyJoinKey, role{ignore: true})
	for _, v := range s.OnDemandViews() {
		for _, source := range v.Sources {
			if source.Request == nil {
				continue
			}
			for _, f := range source.Request.Schema {
				set(f.Name, role{ignore: true})
			}
		}
	}
	for name, r := range p.roles {
		if !r.ignore {
			p.names = append(p.names, name)
		}
	}
	slices.Sort(p.names)
}

// collision finds two columns of the answer that would have one name.
func (p *plan) collision(list []chosen, full bool) error {
	seen := make(map[string]int, len(list))
	for i, f := range p.features {
		mine := list[i].prefix() + ":" + list[i].feature
		first, twice := seen[f.name]
		switch {
		case twice && mine == list[first].prefix()+":"+list[first].feature:
			return fault(FaultNameCollision, asof.Errorf(asof.CodeInvalid, "feature %s is asked for twice", mine))
		case twice:
			return fault(FaultNameCollision, asof.Errorf(asof.CodeInvalid, "%s:%s and %s would both be named %q; %s",
				list[first].prefix(), list[first].feature, mine, f.name, collisionHint(full)))
		case slices.ContainsFunc(p.keys, func(k planKey) bool { return k.name == f.name }):
			return fault(FaultNameCollision, asof.Errorf(asof.CodeInvalid, "feature %s and a join key would both be named %q; %s", mine, f.name, collisionHint(full)))
		}
		seen[f.name] = i
	}
	return nil
}

func collisionHint(full bool) string {
	if full {
		return "give one of the views another name, in a feature service with_name"
	}
	return "ask with full_feature_names"
}

// onlyKey returns the one join key that the features need.
func (p *plan) onlyKey() (string, error) {
	var names []string
	for _, k := range p.keys {
		names = append(names, k.name)
	}
	switch names = distinct(names); len(names) {
	case 1:
		return names[0], nil
	case 0:
		return "", fault(FaultNoSingleKey, asof.Errorf(asof.CodeInvalid, "these features belong to no entity, so no key leads to them"))
	}
	return "", fault(FaultNoSingleKey, asof.Errorf(asof.CodeInvalid, "these features need several join keys, %s: one key does not tell which row is meant", quoted(names)))
}

// joinKeys returns the join keys of a view, none for a view without entities.
func joinKeys(v *asof.FeatureView) []asof.Field { return value.Keys(v) }

// missing returns the error for join keys that a request does not have.
func (p *plan) missing(names []string, sent []Column) error {
	var has []string
	for _, c := range sent {
		has = append(has, c.Name)
	}
	view := p.keys[slices.IndexFunc(p.keys, func(k planKey) bool { return k.name == names[0] })].view
	given := "no columns"
	if len(has) > 0 {
		given = "only " + strings.Replace(quoted(has), " and ", ", ", 1)
	}
	return asof.Errorf(asof.CodeInvalid, "join key %s, which feature view %q needs, is missing: the request has %s", quoted(names), view, given)
}

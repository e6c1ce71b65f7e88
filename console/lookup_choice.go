package console

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// selection is what is looked up: a view, a service, or features.
type selection struct {
	of         []link
	service    string
	references []string // where no service is asked for
	features   []lookedFeature
	inputs
}

// lookedFeature is a feature that is looked up.
type lookedFeature struct {
	name  string // view:feature, as it is asked for
	page  link
	typ   asof.Type
	plain bool       // it is stored, not computed
	views []usedView // that it comes from
}

// usedView is a view as features are read from it.
type usedView struct {
	view    *asof.FeatureView
	renamed map[string]string // its join keys, as the caller names them
}

// texts returns the texts of the view's own join keys.
func (v usedView) texts(given map[string]string) map[string]string {
	own := map[string]string{}
	for _, key := range v.view.JoinKeys() {
		if key != asof.DummyJoinKey {
			own[key] = given[renamedKey(v.renamed, key)]
		}
	}
	return own
}

// inquiry is a selection, and the key and the time that it is asked about.
type inquiry struct {
	*selection
	c     *Console
	r     *request
	all   *asof.Snapshot // also what the caller may not describe
	texts map[string]string
	at    time.Time
}

// chosenLimit is how many features are asked for one by one.
const chosenLimit = 100

// askedFor reads from an address what is looked up; nothing is no error.
func askedFor(r *request, all *asof.Snapshot) (*selection, error) {
	s, query := &selection{}, r.URL.Query()
	if name := query.Get("service"); name != "" {
		s.of, s.service = []link{{"service", name}}, name
	} else if name := query.Get("view"); name != "" {
		s.of = []link{{"view", name}}
		if r.snapshot.Object(asof.KindOnDemandView, name) != nil {
			s.of[0].Kind = "on-demand-view"
		}
	} else {
		for _, reference := range query["f"] {
			s.of = append(s.of, link{featureKind, reference})
		}
		if len(s.of) > chosenLimit {
			return nil, asof.Errorf(asof.CodeInvalid, "%d features are asked for, and %d are looked up at once; leave some out, or define a feature service", len(s.of), chosenLimit)
		}
	}
	for _, l := range s.of {
		if !r.has(l) {
			return nil, r.missing(l)
		}
	}
	s.resolve(all)
	return s, nil
}

// resolve lists the features, in the order in which they are answered.
func (s *selection) resolve(all *asof.Snapshot) {
	if s.service != "" {
		if service, ok := all.Object(asof.KindService, s.service).(*asof.FeatureService); ok { // it may be gone by now
			for i := range service.Projections {
				p := &service.Projections[i]
				for _, f := range p.Features {
					s.feature(all, p, f.Name)
				}
			}
		}
		return
	}
	for _, l := range s.of {
		if l.Kind == featureKind {
			if r, err := asof.ParseReference(l.Name); err == nil {
				s.feature(all, &asof.Projection{View: r.View}, r.Feature)
			}
			continue
		}
		for _, kind := range []asof.Kind{asof.KindFeatureView, asof.KindOnDemandView} {
			for _, f := range fieldsOf(all.Object(kind, l.Name)) {
				s.feature(all, &asof.Projection{View: l.Name}, f.Name)
			}
		}
	}
	for _, f := range s.features {
		s.references = append(s.references, f.name)
	}
}

// feature adds a feature of a view as a projection uses it.
func (s *selection) feature(all *asof.Snapshot, p *asof.Projection, name string) {
	f := lookedFeature{name: asof.Reference{View: p.Name(), Feature: name}.String(), page: featureLink(p.View, name)}
	var view asof.Object
	if v, ok := all.Object(asof.KindFeatureView, p.View).(*asof.FeatureView); ok {
		view, f.plain, f.views = v, true, []usedView{{v, p.JoinKeyMap}}
	} else if v, ok := all.Object(asof.KindOnDemandView, p.View).(*asof.OnDemandFeatureView); ok {
		view = v
		for _, source := range v.Sources {
			if source.View == nil {
				continue
			}
			if read, ok := all.Object(asof.KindFeatureView, source.View.View).(*asof.FeatureView); ok {
				f.views = append(f.views, usedView{read, source.View.JoinKeyMap})
			}
		}
	}
	for _, field := range fieldsOf(view) {
		if field.Name == name {
			f.typ = field.Type
		}
	}
	s.add(all, p.View, p.JoinKeyMap)
	s.features = append(s.features, f)
}

// views returns the views that the features come from, each use once.
func (s *selection) views() (list []usedView) {
	for _, f := range s.features {
		for _, v := range f.views {
			if !slices.ContainsFunc(list, func(other usedView) bool { return other.view == v.view && sameKeys(other, v) }) {
				list = append(list, v)
			}
		}
	}
	return list
}

func sameKeys(a, b usedView) bool {
	for _, key := range a.view.JoinKeys() {
		if renamedKey(a.renamed, key) != renamedKey(b.renamed, key) {
			return false
		}
	}
	return true
}

// href returns the address of the question with another parameter.
func (q *inquiry) href(parameter, value string) string {
	query := q.form()
	query.Set(parameter, value)
	return "/lookup?" + query.Encode()
}

// form returns the parameters of the question's address.
func (q *inquiry) form() url.Values {
	kept, given := url.Values{}, q.r.URL.Query()
	for _, name := range []string{"view", "service", "f", "at", "feature"} {
		if values := given[name]; len(values) > 0 && values[0] != "" {
			kept[name] = values
		}
	}
	for prefix, fields := range map[string][]asof.Field{"key.": q.keys, "data.": q.data} {
		for _, f := range fields {
			if given.Has(prefix + f.Name) {
				kept.Set(prefix+f.Name, q.texts[f.Name])
			}
		}
	}
	return kept
}

// unknownInput refuses a key or a value of the address that is not among those
// that are asked for.
func (q *inquiry) unknownInput() error {
	for prefix, fields := range map[string][]asof.Field{"key.": q.keys, "data.": q.data} {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.Name
		}
		for _, parameter := range slices.Sorted(maps.Keys(q.r.URL.Query())) {
			name, ok := strings.CutPrefix(parameter, prefix)
			switch {
			case !ok || slices.Contains(names, name):
			case len(names) == 0:
				return asof.Errorf(asof.CodeInvalid, "%.60q is given, and nothing of the kind is asked for: leave it out", parameter)
			default:
				return asof.Errorf(asof.CodeInvalid, "%.60q is given, and what is looked up has no %.60q%s", parameter, name, asof.DidYouMean(name, names))
			}
		}
	}
	return nil
}

// within runs a part of the page in its own time, and returns its error as a
// sentence.
func (q *inquiry) within(ctx context.Context, limit time.Duration, what string, do func(context.Context) error) string {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(ctx)
	if err != nil && ctx.Err() != nil {
		err = asof.Errorf(asof.CodeUnavailable, "%s did not answer in time; try again later", what)
	}
	return q.c.sentence(q.r, err)
}

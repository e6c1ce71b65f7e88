package serving

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Sink keeps a share of the answers to a selection.
type Sink struct {
	Rate float64 // from 0 to 1: the share of the answers that Take is asked to take

	// Take takes over an answer that was given, which is its own until it calls
	// Release; false says that it does not. It must not block.
	Take func(*Answer) bool
}

// Selected says what the answers to a selection hold.
type Selected struct {
	Snapshot *asof.Snapshot
	Service  *asof.FeatureService // nil for none
	Features []SelectedFeature    // the columns of an answer, behind its join keys
}

// SelectedFeature is a feature of a view, on-demand ones among them.
type SelectedFeature struct {
	View   string
	Prefix string // what full names call the view: its name, or an alias
	Name   string
	Type   asof.Type
	Keys   []SelectedKey // the join keys of the view, or of those that it is computed from
}

// SelectedKey is a join key of a view.
type SelectedKey struct {
	asof.Field
	Column string // as what the request has it
}

// selected describes the answers of a plan.
func (p *plan) selected(s *asof.Snapshot, list []chosen, service string) *Selected {
	all := &Selected{Snapshot: s}
	all.Service, _ = s.Object(asof.KindService, service).(*asof.FeatureService)
	for i, f := range p.features {
		c := &list[i]
		one := SelectedFeature{View: f.view(p), Prefix: c.prefix(), Name: c.feature}
		if f.computed {
			computed := &p.computed[f.reading]
			one.Type = computed.view.Features[f.column].Type
			for _, in := range computed.inputs {
				if in.View != "" {
					one.Keys = p.addKeys(one.Keys, in.reading)
				}
			}
		} else {
			one.Type = c.view.Feature(c.feature).Type
			one.Keys = p.addKeys(nil, f.reading)
		}
		all.Features = append(all.Features, one)
	}
	return all
}

// addKeys adds the join keys of a reading that are not among the keys yet.
func (p *plan) addKeys(keys []SelectedKey, reading int) []SelectedKey {
	g := p.groups[p.readings[reading].group]
	for i, name := range g.names {
		k := SelectedKey{asof.Field{Name: name, Type: asof.Scalar(p.keys[g.keys[i]].typ)}, p.keys[g.keys[i]].name}
		if !slices.ContainsFunc(keys, func(other SelectedKey) bool { return other.Column == k.Column }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// sample chooses by chance whether the answer goes to the sink.
func (a *Answer) sample() {
	s := a.plan.sink
	a.sampled = s != nil && rand.Float64() < s.Rate
}

// Time returns when the answer was given.
func (a *Answer) Time() time.Time { return time.UnixMicro(a.now).UTC() }

// Sent returns a column of the request that on-demand functions needed; nil for
// one that none did.
func (a *Answer) Sent(name string) arrow.Array {
	at := 0
	for _, c := range a.plan.computed {
		for _, in := range c.inputs {
			if in.View != "" || in.Key {
				continue
			}
			if in.Name == name {
				return a.sent[at]
			}
			at++
		}
	}
	return nil
}

package console

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"github.com/asof-dev/asof"
)

// shown is the page of one object.
type shown struct {
	entry
	Place      string          `json:"place,omitempty"` // file:line of its definition
	Facts      []fact          `json:"facts"`
	Text       string          `json:"text,omitempty"` // a query, or the source of a function
	Columns    []field         `json:"columns,omitempty"`
	Keys       []link          `json:"keys,omitempty"` // entities of a view, views of an entity
	Reads      []link          `json:"reads,omitempty"`
	ReadBy     []link          `json:"read_by,omitempty"`
	Ledger     []run           `json:"ledger,omitempty"`
	Fresh      *viewMonths     `json:"freshness,omitempty"`    // of a view that was materialized, or has a calendar
	Unread     string          `json:"ledger_error,omitempty"` // why neither is known
	Statistics *statisticsPart `json:"statistics,omitempty"`
	Changes    *changesPart    `json:"history,omitempty"` // nil: none are kept, or a feature's, which are its view's
	Code       []snippet       `json:"code,omitempty"`
	More       int             `json:"more"` // columns and links that are left off the page; JSON has all

	Months template.HTML `json:"-"` // Fresh, drawn
}

func (s *shown) title() string { return s.Name }

// fact is a setting; Label is a key of the texts, "fact.LABEL".
type fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// field is a column; Feature is nil for one that is no feature.
type field struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Feature     *link  `json:"feature,omitempty"`
}

// object shows one object, with what it reads and what reads it.
func object(ctx context.Context, c *Console, r *request) (any, error) {
	asked := link{r.PathValue("kind"), r.PathValue("name")}
	s := &shown{}
	for _, e := range r.words {
		if e.link == asked {
			s.entry = e
		}
	}
	if s.Name == "" {
		return nil, r.missing(asked)
	}
	s.Keys, s.Reads, s.ReadBy = r.network.keys[asked], r.network.reads[asked], r.network.readBy[asked]
	s.Code = codeOf(r.snapshot, asked)
	if !wantsJSON(r.Request) {
		defer s.shorten()
	}
	of := asof.Ref{Name: asked.Name}
	for kind, word := range kindWords {
		if word == asked.Kind {
			of.Kind = kind
		}
	}
	if asked.Kind == featureKind {
		of = s.feature(r.snapshot)
	} else {
		s.describe(r.snapshot.Object(of.Kind, of.Name), r.network)
		s.Changes = c.changes(ctx, r, of)
	}
	if c.o.Places != nil {
		s.Place = c.o.Places(ctx)[of].String()
	}
	if of.Kind != asof.KindFeatureView {
		return s, nil
	}
	feature := ""
	if reference, err := asof.ParseReference(asked.Name); asked.Kind == featureKind && err == nil {
		feature = reference.Feature
	}
	var parts sync.WaitGroup
	parts.Go(func() { s.Statistics = c.statistics(ctx, r, of.Name, feature) })
	s.materialized(ctx, c, of.Name)
	parts.Wait()
	return s, s.drawMonths(c, r)
}

// shorten keeps the page small where a source has thousands of readers.
func (s *shown) shorten() {
	if n := len(s.Columns); n > pageLimit {
		s.Columns, s.More = s.Columns[:pageLimit], n-pageLimit
	}
	for _, list := range []*[]link{&s.Keys, &s.Reads, &s.ReadBy} {
		if n := len(*list); n > pageLimit {
			*list, s.More = (*list)[:pageLimit], s.More+n-pageLimit
		}
	}
}

// feature shows a feature, and returns the view that it is of.
func (s *shown) feature(snapshot *asof.Snapshot) asof.Ref {
	reference, _ := asof.ParseReference(s.Name)
	of := asof.Ref{Kind: asof.KindFeatureView, Name: reference.View}
	if snapshot.Object(of.Kind, of.Name) == nil {
		of.Kind = asof.KindOnDemandView
	}
	view := snapshot.Object(of.Kind, of.Name)
	s.Reads = []link{linkTo(view)}
	for _, f := range fieldsOf(view) {
		if f.Name == reference.Feature {
			s.fact("type", f.Type.String())
		}
	}
	return of
}

func (s *shown) fact(label, value string) {
	if value != "" {
		s.Facts = append(s.Facts, fact{label, value})
	}
}

// describe shows the settings and columns of an object.
func (s *shown) describe(o asof.Object, n *network) {
	switch o := o.(type) {
	case *asof.Entity:
		s.fact("join-key", o.JoinKey)
	case *asof.DataSource:
		s.describeSource(o, n)
	case *asof.FeatureView:
		ttl := "–"
		if o.MaxAge() > 0 {
			ttl = o.MaxAge().String()
		}
		s.fact("class", string(o.Kind))
		s.fact("join-keys", strings.Join(o.JoinKeys(), ", "))
		s.fact("ttl", ttl)
		s.fact("online", fmt.Sprint(o.Online))
		s.fact("version", fmt.Sprintf("v%d", o.VersionNumber))
		s.fact("state", o.State.String())
		s.features(o.Name, o.Features)
		s.function(o.Function)
	case *asof.OnDemandFeatureView:
		s.fact("mode", o.Mode)
		s.fact("online", fmt.Sprint(o.WriteToOnline))
		s.fact("version", fmt.Sprintf("v%d", o.VersionNumber))
		s.features(o.Name, o.Features)
		s.function(o.Function)
	case *asof.FeatureService:
		for _, p := range o.Projections {
			s.features(p.View, p.Features)
		}
	}
}

func (s *shown) describeSource(o *asof.DataSource, n *network) {
	s.fact("class", string(o.Kind))
	s.fact("path", o.Path)
	s.fact("table", o.Table)
	s.fact("timestamp", o.TimestampField)
	s.fact("created", o.CreatedField)
	s.Text = o.Query
	for _, f := range o.Schema {
		s.Columns = append(s.Columns, field{Name: f.Name, Type: f.Type.String(), Description: f.Description})
	}
	for _, c := range n.columns[s.link] {
		s.Columns = append(s.Columns, field{Name: c.Name, Feature: &c.Of})
	}
}

func (s *shown) features(view string, list []asof.Field) {
	for _, f := range list {
		feature := featureLink(view, f.Name)
		s.Columns = append(s.Columns, field{f.Name, f.Type.String(), f.Description, &feature})
	}
}

func (s *shown) function(f *asof.Function) {
	if f != nil {
		s.Text = f.Text
	}
}

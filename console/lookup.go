package console

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/serving"
)

// Lookup is what values are looked up in. A store that cannot be opened is told
// on the page, and asked for again with the next one.
type Lookup struct {
	Reader  func(context.Context) (*serving.Reader, error) // refuses who may not read online
	Offline func(context.Context) (asof.OfflineStore, error)
	Workers *ondemand.Workers // may be nil
}

// looked is the page of what a key has.
type looked struct {
	Absent bool         `json:"-"` // this console has no stores
	Query  string       `json:"-"`
	Found  []suggestion `json:"-"` // what can be looked up
	More   int          `json:"-"` // of them, or of the values, that are left off the page

	Of       []link     `json:"of,omitempty"`
	Adds     bool       `json:"-"` // other features can be looked up beside
	Inputs   []keyInput `json:"inputs,omitempty"`
	At       instantBox `json:"-"`
	AsOf     time.Time  `json:"as_of,omitzero"`
	Instants []instant  `json:"snapshots,omitempty"`
	Hidden   []hidden   `json:"-"` // what the form keeps beside its fields
	Now      string     `json:"-"` // the address without a time
	Slid     int        `json:"-"` // which of Instants the slider is at

	Answered  bool                    `json:"-"` // a whole key was given
	Values    []lookedValue           `json:"values,omitempty"`
	Online    string                  `json:"online_error,omitempty"`
	Offline   string                  `json:"offline_error,omitempty"`
	Causes    []lookedCause           `json:"differences,omitempty"`
	CauseGone string                  `json:"differences_error,omitempty"`
	Nobody    bool                    `json:"nobody,omitempty"` // has the key
	History   *story                  `json:"history,omitempty"`
	Computed  bool                    `json:"-"` // the feature whose history is asked for has none
	Explained *historical.Explanation `json:"explanation,omitempty"`
	Reasons   []reason                `json:"-"` // the rows of the explanation
	Unclear   string                  `json:"explanation_error,omitempty"`
}

// suggestion is an object that can be looked up, and the address of that.
type suggestion struct {
	link
	Href string
}

// keyInput is a column that the caller fills in.
type keyInput struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Param string `json:"-"` // its name in the address
	Error string `json:"-"`
}

// hidden is a parameter that a form keeps.
type hidden struct{ Name, Value string }

// instantBox is the field of the time that is asked about.
type instantBox struct{ Value, Error string }

const (
	inputLimit   = 1000 // bytes of a key
	onlineTime   = 2 * time.Second
	offlineTime  = 7 * time.Second
	suggestLimit = 100
)

// lookup shows what a key has online and as of an instant.
func lookup(ctx context.Context, c *Console, r *request) (any, error) {
	l := &looked{Absent: c.o.Lookup == nil}
	if l.Absent {
		return l, nil
	}
	all, err := c.o.Registry.Snapshot(ctx, c.o.Project) // a service is read by those who may not describe its views
	if err != nil {
		return nil, err
	}
	asked, err := askedFor(r, all)
	if err != nil {
		return nil, err
	}
	if len(asked.of) == 0 {
		l.suggest(r, nil)
		return l, nil
	}
	l.Of = asked.of
	if of := r.URL.Query()["f"]; asked.of[0].Kind == featureKind {
		if r.URL.Query().Get("q") != "" {
			l.suggest(r, of)
			return l, nil
		}
		l.Adds = true
	}
	q := &inquiry{c: c, r: r, all: all, selection: asked, texts: map[string]string{}}
	if l.Computed, err = q.untold(); err != nil {
		return nil, err
	}
	if err := q.unknownInput(); err != nil {
		return nil, err
	}
	if given, err := l.fill(q); given && err != nil && wantsJSON(r.Request) {
		return nil, err
	}
	l.keep(q)
	if l.Answered {
		l.answer(ctx, q)
	}
	l.Instants = q.instants(ctx, l.History)
	for i, at := range l.Instants {
		if !at.Time.After(l.AsOf) {
			l.Slid = i
		}
	}
	if n := len(l.Values); n > pageLimit && !wantsJSON(r.Request) {
		l.Values, l.More = l.Values[:pageLimit], n-pageLimit
	}
	return l, nil
}

// suggest lists what can be looked up: without a search no single features, and
// beside features that are chosen only others.
func (l *looked) suggest(r *request, chosen []string) {
	query := []rune(r.URL.Query().Get("q"))
	l.Query = string(query[:min(len(query), queryLimit)])
	for _, reference := range chosen {
		l.Hidden = append(l.Hidden, hidden{"f", reference})
	}
	for _, e := range search(r.words, l.Query) {
		href := e.Look()
		switch {
		case href == "" || e.Kind == featureKind && l.Query == "" || len(chosen) > 0 && (e.Kind != featureKind || slices.Contains(chosen, e.Name)):
			continue
		case len(l.Found) == suggestLimit:
			l.More++
			continue
		case len(chosen) > 0:
			href = "/lookup?" + url.Values{"f": append(slices.Clone(chosen), e.Name)}.Encode()
		}
		l.Found = append(l.Found, suggestion{e.link, href})
	}
}

// fill reads what the caller filled in, if anything was, and says at each field
// what is wrong with it; its error is the first mistake.
func (l *looked) fill(q *inquiry) (given bool, wrong error) {
	query := q.r.URL.Query()
	take := func(prefix string, fields []asof.Field) {
		for _, f := range fields {
			in := keyInput{Name: f.Name, Type: f.Type.String(), Param: prefix + f.Name, Value: query.Get(prefix + f.Name)}
			err := checkInput(f, in.Value)
			given = given || query.Has(in.Param)
			if query.Has(in.Param) && err != nil {
				in.Error = err.Error()
			}
			if err != nil && wrong == nil {
				wrong = err
			}
			q.texts[f.Name] = in.Value
			l.Inputs = append(l.Inputs, in)
		}
	}
	take("key.", q.keys)
	take("data.", q.data)
	l.AsOf = time.Now()
	if l.At.Value = query.Get("at"); l.At.Value != "" {
		at, ok := asof.ParseTime(l.At.Value)
		if l.AsOf = at; !ok || at.Year() < 1 || at.Year() > 9999 {
			err := asof.Errorf(asof.CodeInvalid, "%.40q is no time; write 2024-01-31 or 2024-01-31T10:00:00Z", l.At.Value)
			l.At.Error, wrong, l.AsOf = err.Error(), err, time.Now()
		}
	}
	l.AsOf = l.AsOf.UTC().Truncate(time.Microsecond)
	q.at = l.AsOf
	l.Answered = wrong == nil && (given || len(l.Inputs) == 0)
	return given || l.At.Error != "", wrong
}

// checkInput says why a text can't be the value of a column.
func checkInput(f asof.Field, text string) error {
	switch {
	case text == "":
		return asof.Errorf(asof.CodeInvalid, "%s is missing", f.Name)
	case len(text) > inputLimit || !utf8.ValidString(text):
		return asof.Errorf(asof.CodeInvalid, "%s is longer than %d bytes, or no text", f.Name, inputLimit)
	case f.Type.Value == asof.TypeInvalid:
		return nil
	}
	b := array.NewStringBuilder(memory.NewGoAllocator())
	b.Append(text)
	if _, err := asof.Cast(b.NewArray(), f.Type, memory.NewGoAllocator()); err != nil {
		return asof.Errorf(asof.CodeInvalid, "%s: %w", f.Name, err)
	}
	return nil
}

// answer asks the stores side by side: one that is slow or away leaves the
// others' parts as they are.
func (l *looked) answer(ctx context.Context, q *inquiry) {
	var online, offline []cell
	var parts sync.WaitGroup
	parts.Go(func() { online, l.Online = q.online(ctx) })
	parts.Go(func() { offline, l.Offline = q.offline(ctx) })
	parts.Go(func() { l.History = q.history(ctx) })
	parts.Go(func() { l.Explained, l.Reasons, l.Unclear = q.explain(ctx) })
	parts.Wait()
	l.Values = q.beside(online, offline)
	if online != nil && offline != nil {
		l.Causes, l.Nobody, l.CauseGone = q.causes(ctx, l.Values)
	}
}

// keep lists what the form keeps, and the address of the present.
func (l *looked) keep(q *inquiry) {
	query := q.form()
	query.Del("at")
	l.Now = "/lookup?" + query.Encode()
	for _, name := range []string{"view", "service", "f", "feature"} {
		for _, value := range query[name] {
			l.Hidden = append(l.Hidden, hidden{name, value})
		}
	}
}

// Look returns the address where an object is looked up, "" for one that has no
// values.
func (l link) Look() string {
	parameter, ok := map[string]string{"view": "view", "on-demand-view": "view", "service": "service", featureKind: "f"}[l.Kind]
	if !ok {
		return ""
	}
	return "/lookup?" + url.Values{parameter: {l.Name}}.Encode()
}

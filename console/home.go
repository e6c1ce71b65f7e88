package console

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/permission"
)

// overview is the page that says whether everything is all right. Each part is
// asked beside the others, and says itself why it is not there.
type overview struct {
	At       time.Time   `json:"at"`
	Applied  bool        `json:"applied"` // the project has definitions that can be read
	Registry string      `json:"registry_error,omitempty"`
	Needs    []need      `json:"needs"`
	Unknown  int         `json:"unknown"` // parts that could not be asked
	Fresh    freshPart   `json:"freshness"`
	Drift    driftPart   `json:"drift"`
	Runs     runsPart    `json:"runs"`
	Traffic  trafficPart `json:"traffic"`
}

// need is something that does not go on without somebody. Its text is "need.KIND"
// with Subject and Month, and "do.KIND" says what to do.
type need struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Month   string `json:"month,omitempty"`  // as 2024-02
	Detail  string `json:"detail,omitempty"` // what the system said
	Page    string `json:"page"`             // where its cause is
	Command string `json:"command,omitempty"`
}

// trafficPart is what came to the server in the last minutes.
type trafficPart struct {
	Error   string           `json:"error,omitempty"`
	Counted bool             `json:"counted"` // in this process; otherwise it is a server's
	Span    time.Duration    `json:"span"`
	Routes  []metric.Traffic `json:"routes"`
	More    int              `json:"more"`
}

const (
	partTime    = 3 * time.Second // how long a part of a page may take
	routesShown = 8
	faultShare  = 0.01 // of the requests of a route: more that fail need somebody
)

// home gathers the overview.
func home(ctx context.Context, c *Console, r *request) (any, error) {
	o := &overview{At: time.Now().UTC(), Applied: r.view != nil, Needs: []need{}}
	until, err := monthOf(r.URL.Query().Get("until"))
	if err != nil {
		return nil, err
	}
	if r.unread != nil && !errors.Is(r.unread, errUndefined) {
		o.Registry = r.unread.Error()
	}
	var parts sync.WaitGroup
	if o.Applied {
		parts.Go(func() { o.Fresh = c.freshness(ctx, r, until) })
		parts.Go(func() { o.Drift = c.drift(ctx, r) })
	}
	parts.Go(func() { o.Runs = c.lastRuns(ctx) })
	parts.Go(func() { o.Traffic = c.traffic(ctx) })
	parts.Wait()
	o.sum()
	return o, o.Fresh.draw(c, r.lang)
}

// sum lists what needs somebody, the most pressing first.
func (o *overview) sum() {
	o.Needs = append(o.Needs, o.Runs.needs()...)
	o.Needs = append(o.Needs, o.Fresh.needs()...)
	o.Needs = append(o.Needs, o.Drift.needs()...)
	o.Needs = append(o.Needs, o.Traffic.needs()...)
	for _, err := range []string{o.Registry, o.Fresh.Error, o.Drift.Error, o.Runs.Error, o.Traffic.Error} {
		if err != "" {
			o.Unknown++
		}
	}
}

// part asks for a part of a page, for partTime at most, whatever the store does.
func part[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := ask(ctx)
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, asof.Errorf(asof.CodeUnavailable, "there was no answer in time; load the page again")
	}
}

// may returns why a caller may not do something to what belongs to the whole
// project, as its runs do.
func (c *Console) may(ctx context.Context, action permission.Action) error {
	if c.o.Guard == nil {
		return nil
	}
	snapshot, err := c.o.Registry.Snapshot(ctx, c.o.Project)
	if err != nil {
		return err
	}
	return c.o.Guard.Check(ctx, snapshot, action, cmp.Or(snapshot.Project(), &asof.Project{Name: c.o.Project}))
}

// traffic tells what came to the server, if this is it.
func (c *Console) traffic(ctx context.Context) (p trafficPart) {
	if p.Counted = c.o.Traffic != nil; !p.Counted {
		return p
	}
	if err := c.may(ctx, permission.Describe); err != nil {
		p.Error = err.Error()
		return p
	}
	p.Routes, p.Span = c.o.Traffic()
	if n := len(p.Routes); n > routesShown {
		p.Routes, p.More = p.Routes[:routesShown], n-routesShown
	}
	return p
}

func (p *trafficPart) needs() (list []need) {
	for _, route := range p.Routes {
		if float64(route.Failed) > faultShare*float64(route.Requests) {
			list = append(list, need{Kind: "failing-requests", Subject: route.Route, Page: "#traffic", Command: "curl http://localhost:6566/ready"})
		}
	}
	return list
}

package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// driftPart is what was found when views were last compared with what they were.
type driftPart struct {
	Error   string        `json:"error,omitempty"`
	Counts  []count       `json:"counts"`  // by verdict, of the newest comparison of each view and source
	Drifted []driftedView `json:"drifted"` // the first of them
	More    int           `json:"more"`
}

// driftedView is a view that is not what it was.
type driftedView struct {
	asof.ViewDrift
	Names []string `json:"-"` // of features that have drifted
}

const driftedShown = 5

// drift looks at the newest verdicts on the views that a caller may see.
func (c *Console) drift(ctx context.Context, r *request) driftPart {
	p := driftPart{Counts: []count{}, Drifted: []driftedView{}}
	if c.o.Statistics == nil {
		return p
	}
	type found struct{ all, drifted []asof.ViewDrift }
	verdicts, err := part(ctx, func(ctx context.Context) (f found, err error) {
		store, err := c.o.Statistics(ctx)
		if err != nil {
			return f, err
		}
		all, err := c.verdicts.get(ctx, "", func(ctx context.Context) ([]asof.ViewDrift, error) {
			return store.Drifts(ctx, asof.DriftQuery{Project: c.o.Project, Each: 1, Brief: true, Limit: mostVerdicts})
		})
		for _, one := range all {
			if r.snapshot.Object(asof.KindFeatureView, one.View) == nil {
				continue
			}
			f.all = append(f.all, one)
			if one.Verdict != asof.VerdictDrifted || len(f.drifted) == driftedShown {
				continue
			}
			whole, err := store.Drifts(ctx, asof.DriftQuery{Project: c.o.Project, View: one.View, Source: one.Current.Source, Limit: 1})
			if err != nil {
				return f, err
			}
			f.drifted = append(f.drifted, whole...)
		}
		return f, err
	})
	if err != nil {
		p.Error = err.Error()
		return p
	}
	p.count(verdicts.all)
	for _, one := range verdicts.drifted {
		shown := driftedView{ViewDrift: one}
		for _, f := range one.Features {
			if f.Verdict == asof.VerdictDrifted {
				shown.Names = append(shown.Names, f.Feature)
			}
		}
		p.Drifted = append(p.Drifted, shown)
	}
	return p
}

// mostVerdicts bounds what is read: a verdict on each view and source.
const mostVerdicts = 10_000

func (p *driftPart) count(all []asof.ViewDrift) {
	n := map[asof.Verdict]int{}
	for _, one := range all {
		n[one.Verdict]++
	}
	for _, verdict := range []asof.Verdict{asof.VerdictDrifted, asof.VerdictUnknown, asof.VerdictStable} {
		if n[verdict] > 0 {
			p.Counts = append(p.Counts, count{string(verdict), n[verdict]})
		}
	}
	p.More = max(n[asof.VerdictDrifted]-driftedShown, 0)
}

// needs lists the views that have drifted.
func (p *driftPart) needs() (list []need) {
	for _, v := range p.Drifted {
		list = append(list, need{Kind: "drifted", Subject: v.View, Month: v.Span(), Detail: v.Reasons(), Page: v.Path(), Command: v.command() + " -v " + shell(v.View)})
	}
	if p.More > 0 {
		list = append(list, need{Kind: "drifted-more", Subject: fmt.Sprint(p.More), Page: "#drift", Command: p.Drifted[0].command()})
	}
	return list
}

// command is that which compares again.
func (v driftedView) command() string {
	if v.Current.Source == asof.StatisticsLog {
		return "asof monitor drift --reference " + shell(v.Before()) + " --current served:" + v.Span()
	}
	return "asof monitor drift --current " + v.Span()
}

// Reasons are the first reasons why features have drifted, a line each.
func (v driftedView) Reasons() string {
	var lines []string
	for _, f := range v.Features {
		if f.Verdict == asof.VerdictDrifted && len(lines) < namesShown {
			lines = append(lines, f.Feature+": "+strings.Join(f.Reasons, "; "))
		}
	}
	return strings.Join(lines, "\n")
}

// Path is the address of the view's page.
func (v driftedView) Path() string { return link{"view", v.View}.Path() }

// Span is what was compared.
func (v driftedView) Span() string { return spanText(v.Current.From, v.Current.To) }

// Before is what it was compared with.
func (v driftedView) Before() string {
	if v.Reference.Name != "" {
		return v.Reference.Name
	}
	return spanText(v.Reference.From, v.Reference.To)
}

// spanText writes a span as the command line reads it: a month, a day, or both
// ends.
func spanText(from, to time.Time) string {
	if name, ok := asof.PeriodName(from, to); ok {
		return name
	}
	return from.UTC().Format(time.RFC3339) + ".." + to.UTC().Format(time.RFC3339)
}

func firstOf(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }

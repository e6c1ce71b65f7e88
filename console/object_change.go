package console

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

// changesPart is how the definition of an object has changed.
type changesPart struct {
	Error string    `json:"error,omitempty"`
	List  []changed `json:"changes"`        // newest first
	More  bool      `json:"more,omitempty"` // there are older ones
}

// changed is one change. Action and Cause are of the texts, "change.ACTION" and
// "change.by-CAUSE".
type changed struct {
	At     time.Time        `json:"at"`
	Seen   time.Time        `json:"seen"`
	Action string           `json:"action"`
	Cause  string           `json:"cause"`
	Who    string           `json:"who,omitempty"`
	Diff   []apply.DiffLine `json:"diff,omitempty"`
	More   int              `json:"-"` // lines that are left off the page
}

const (
	changesShown = 20
	linesShown   = 150
	noteTime     = 2 * time.Second
)

// actionWords and causeKnown are what texts are there for.
var (
	actionWords = map[string]string{apply.StepFirst: "first-seen", apply.StepCreated: "created", apply.StepChanged: "changed", apply.StepRemoved: "removed"}
	causeKnown  = map[string]bool{apply.CauseApply: true, apply.CauseDelete: true, apply.CauseState: true, apply.CauseClient: true, apply.CauseTeardown: true}
)

// note enters a state of the registry that this console has not seen yet into
// the log of definitions, so that what nobody else has entered is not lost. It is
// tried once for each state; the page of an object tries again and says why it
// fails.
func (c *Console) note(ctx context.Context, s *asof.Snapshot) {
	if c.o.History == nil {
		return
	}
	if last := c.tried.Swap(&s.Version); last != nil && *last == s.Version {
		return
	}
	if err := c.noteNow(ctx, s); err != nil {
		c.o.Log.Warn("the history of definitions lacks a state of the registry", "error", err)
	}
}

func (c *Console) noteNow(ctx context.Context, s *asof.Snapshot) error {
	if noted := c.noted.Load(); noted != nil && *noted == s.Version {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	log, err := c.o.History(ctx)
	if err == nil {
		err = apply.Note(ctx, log, c.o.Project, s, "", "")
	}
	if err == nil {
		c.noted.Store(&s.Version)
	}
	return err
}

// changes tells how an object's definition has changed; nil where no log is kept.
func (c *Console) changes(ctx context.Context, r *request, of asof.Ref) *changesPart {
	if c.o.History == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	p := &changesPart{List: []changed{}}
	err := p.read(ctx, c, r, of)
	if err != nil && ctx.Err() != nil {
		err = asof.Errorf(asof.CodeUnavailable, "the log of definitions did not answer in time; try again later")
	}
	p.Error = c.sentence(r, err)
	return p
}

func (p *changesPart) read(ctx context.Context, c *Console, r *request, of asof.Ref) error {
	registered, err := c.o.Registry.Snapshot(ctx, c.o.Project)
	if err != nil {
		return err
	}
	unnoted := c.noteNow(ctx, registered)
	log, err := c.o.History(ctx)
	if err != nil {
		return err
	}
	steps, err := apply.History(ctx, log, asof.DefinitionQuery{Project: c.o.Project, Kind: of.Kind, Name: of.Name, Limit: changesShown + 1})
	if err != nil {
		return err
	}
	for i, s := range steps {
		if i == changesShown {
			p.More = true
			break
		}
		one := changed{At: s.At, Seen: s.Seen, Action: actionWords[s.Action], Cause: s.Cause, Who: s.Who, Diff: s.Diff}
		if !causeKnown[one.Cause] {
			one.Cause = "unknown"
		}
		if n := len(one.Diff); n > linesShown && !wantsJSON(r.Request) {
			one.Diff, one.More = one.Diff[:linesShown], n-linesShown
		}
		p.List = append(p.List, one)
	}
	return unnoted
}

package console

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
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
	Text   string           `json:"definition"` // as it was from then on
	More   int              `json:"-"`          // lines that are left off the page
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
	last := c.noted.Load()
	if last != nil && last.version == s.Version {
		return nil
	}
	now := &notedState{s.Version, sumOf(s)}
	if last == nil || last.texts != now.texts { // a materialization changes no text
		ctx, cancel := context.WithTimeout(ctx, noteTime)
		defer cancel()
		log, err := c.o.History(ctx)
		if err == nil {
			err = apply.Note(ctx, log, c.o.Project, s, "", "")
		}
		if err != nil {
			return err
		}
	}
	c.noted.Store(now)
	return nil
}

// notedState is a state of the registry that is in the log of definitions.
type notedState struct {
	version string
	texts   [sha256.Size]byte // sum of all definitions
}

func sumOf(s *asof.Snapshot) (sum [sha256.Size]byte) {
	all := sha256.New()
	for _, d := range apply.Texts(s) {
		fmt.Fprintf(all, "%q %q %q\n", d.Kind, d.Name, d.Text)
	}
	all.Sum(sum[:0])
	return sum
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

// shorten keeps the page small.
func (c *changed) shorten() {
	if n := len(c.Diff); n > 0 {
		c.Diff, c.More, c.Text = c.Diff[:min(n, linesShown)], max(0, n-linesShown), ""
		return
	}
	if lines := strings.Split(c.Text, "\n"); len(lines) > linesShown {
		c.Text, c.More = strings.Join(lines[:linesShown], "\n"), len(lines)-linesShown
	}
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
		one := changed{At: s.At, Seen: s.Seen, Action: actionWords[s.Action], Cause: s.Cause, Who: s.Who, Diff: s.Diff, Text: s.Text}
		if !causeKnown[one.Cause] {
			one.Cause = "unknown"
		}
		if !wantsJSON(r.Request) {
			one.shorten()
		}
		p.List = append(p.List, one)
	}
	return unnoted
}

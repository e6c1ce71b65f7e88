package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/asof-dev/asof"
)

// isTerminal reports whether w is a screen that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress returns a Progress that shows itself on stderr, and what ends it:
// bars on a terminal, elsewhere a plain line now and then. Nothing is shown of
// a step that ends at once.
func (a *app) progress() (asof.Progress, func()) {
	if isTerminal(a.stdio.Err) {
		bars := newBars(a.stdio.Err)
		return bars.report, bars.end
	}
	lines := &lines{out: a.stdio.Err, steps: map[string]*step{}}
	return lines.report, func() {}
}

// bars shows a bar a step, with its rate and the time left; on a narrow
// terminal with its percentage alone.
type bars struct {
	mu     sync.Mutex
	pool   *mpb.Progress
	bars   map[string]*mpb.Bar
	narrow bool
}

// wideEnough is the width, in columns, from which a bar has room for numbers.
const wideEnough = 80

func newBars(out io.Writer) *bars {
	b := &bars{pool: mpb.New(mpb.WithOutput(out), mpb.WithWidth(40), mpb.WithAutoRefresh()), bars: map[string]*mpb.Bar{}}
	if f, ok := out.(*os.File); ok {
		width, _, err := term.GetSize(int(f.Fd()))
		b.narrow = err == nil && width < wideEnough
	}
	return b
}

func (b *bars) report(name string, done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.bars[name]
	if bar == nil {
		bar = b.pool.AddBar(total, append(b.texts(name, time.Now()), mpb.BarRemoveOnComplete())...)
		b.bars[name] = bar
	}
	bar.SetTotal(total, false)
	bar.SetCurrent(done)
	if total > 0 && done >= total {
		bar.SetTotal(total, true)
	}
}

// texts are what stands before and behind a bar.
func (b *bars) texts(name string, started time.Time) []mpb.BarOption {
	title := decor.Name(name, decor.WCSyncSpaceR)
	if b.narrow {
		return []mpb.BarOption{mpb.PrependDecorators(title), mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace))}
	}
	return []mpb.BarOption{
		mpb.PrependDecorators(title,
			decor.Any(func(s decor.Statistics) string { return rowsOf(s.Current, s.Total) }, decor.WCSyncSpace)),
		mpb.AppendDecorators(
			decor.Any(func(s decor.Statistics) string { return pace(s.Current, s.Total, time.Since(started)) }, decor.WCSyncSpace)),
	}
}

func (b *bars) end() {
	b.mu.Lock()
	for _, bar := range b.bars {
		bar.Abort(true)
	}
	b.mu.Unlock()
	b.pool.Wait()
}

// How often a long step says where it is, where there is no screen: first after
// firstLine, then every lineEvery.
const (
	firstLine = 2 * time.Second
	lineEvery = 5 * time.Second
)

// lines prints a line for a step that takes long.
type lines struct {
	mu    sync.Mutex
	out   io.Writer
	steps map[string]*step
}

type step struct{ started, told time.Time }

func (l *lines) report(name string, done, total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	s := l.steps[name]
	if s == nil {
		s = &step{started: now, told: now.Add(firstLine - lineEvery)}
		l.steps[name] = s
	}
	if now.Sub(s.told) < lineEvery {
		return
	}
	s.told = now
	fmt.Fprintf(l.out, "%s: %s\n", name, strings.TrimPrefix(rowsOf(done, total)+", "+pace(done, total, now.Sub(s.started)), ", "))
}

// rowsOf says how many rows are done, "" where a step does not count them.
func rowsOf(done, total int64) string {
	switch {
	case total > 0:
		return fmt.Sprintf("%s of %s", thousands(done), count(total, "row", "rows"))
	case done > 0:
		return count(done, "row", "rows")
	}
	return ""
}

// pace says how fast a step goes and how long it will take yet, or where that
// can't be known, how long it has taken.
func pace(done, total int64, passed time.Duration) string {
	rate := float64(done) / max(passed.Seconds(), 1e-3)
	switch {
	case done == 0:
		return passed.Round(time.Second).String()
	case total <= 0:
		return fmt.Sprintf("%s rows/s", thousands(int64(rate)))
	}
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%d%%, %s rows/s, %s left", done*100/total, thousands(int64(rate)), left)
}

package console

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
)

// runLog is a part of a run's log.
type runLog struct {
	Lines []lineRow `json:"lines"`
	After int64     `json:"after"`          // the Seq behind which they begin
	Next  int64     `json:"next,omitempty"` // the Seq of the last line
	More  bool      `json:"more"`           // there are lines behind them
}

// lineRow is a line of a run's log.
type lineRow struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Step  string    `json:"step,omitempty"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

// Clock is the time of day of the line.
func (l lineRow) Clock() string { return l.At.UTC().Format("15:04:05.000") }

const (
	tailLines   = 200  // the last ones, on the page of a run
	logPageLong = 500  // lines on the page of a log
	linesAtOnce = 1000 // from the store
	lineLetters = 400  // of a line, on a page; JSON has all
)

// Shown is the text as far as a page shows it.
func (l lineRow) Shown() string { return chart.Shortened(l.Text, lineLetters) }

// linesAfter reads lines of a log, limit at most.
func linesAfter(ctx context.Context, store asof.RunStore, run string, after int64, limit int) (log runLog, err error) {
	lines, err := store.Lines(ctx, run, after, limit)
	log.After, log.Next, log.More, log.Lines = after, after, len(lines) == limit, []lineRow{}
	for _, l := range lines {
		log.Lines = append(log.Lines, lineRow{l.Seq, l.At, l.Step, l.Level, l.Text})
		log.Next = l.Seq
	}
	return log, err
}

// tailOf reads the last lines of a log, which has asof.MostRunLines at most.
func tailOf(ctx context.Context, store asof.RunStore, run string) (runLog, error) {
	all := runLog{Lines: []lineRow{}}
	for more := true; more; {
		log, err := linesAfter(ctx, store, run, all.Next, linesAtOnce)
		if err != nil {
			return all, err
		}
		all.Lines = append(all.Lines, log.Lines...)
		if n := len(all.Lines) - tailLines; n > 0 {
			all.After = all.Lines[n-1].Seq
			all.Lines = append([]lineRow{}, all.Lines[n:]...)
		}
		all.Next, more = log.Next, log.More
	}
	return all, nil
}

// logPage is the page of a run's log.
type logPage struct {
	Run lastRun `json:"run"`
	runLog
}

func (p *logPage) title() string { return p.Run.ID }

// Further is the address of the lines behind these.
func (p *logPage) Further() string {
	return p.Run.Path() + "/log?" + url.Values{"after": {strconv.FormatInt(p.Next, 10)}}.Encode()
}

// showLog shows a run's log from its begin on, page by page.
func showLog(ctx context.Context, c *Console, r *request) (any, error) {
	if _, err := c.pipelineStore(ctx); err != nil {
		return nil, err
	}
	after, err := seqOf("after", r.URL.Query().Get("after"))
	if err != nil {
		return nil, err
	}
	store, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	page := &logPage{Run: shownRun(run, "")}
	page.runLog, err = linesAfter(ctx, store, run.ID, after, logPageLong)
	return page, err
}

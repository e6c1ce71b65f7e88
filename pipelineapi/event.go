package pipelineapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/server"
)

// The times of a stream of events.
const (
	lookEvery  = 300 * time.Millisecond // a run may be carried out by another server: the store is asked
	aliveEvery = 15 * time.Second
)

// events answers GET /runs/{id}/events: first how the run stands, then what
// changes, until it has ended. The events are run, step and line; that of a line
// has its number as id, and a client that comes again with Last-Event-ID gets
// those after it.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	if !take(w, h.streams) {
		return
	}
	defer func() { <-h.streams }()
	after, err := number(r.Header.Get("Last-Event-ID"), "Last-Event-ID", 0, 0, 1<<53)
	var store asof.RunStore
	if err == nil {
		store, err = h.admitted(r.Context(), permission.Describe)
	}
	var run asof.Run
	if err == nil {
		run, err = h.own(r, store)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	s := &stream{handler: h, store: store, out: server.StreamEvents(w), run: run.ID, after: int64(after), sent: map[string]string{}}
	if err := s.follow(r.Context()); err != nil && r.Context().Err() == nil {
		h.Log.Warn("a stream of events ended", "run", run.ID, "error", err)
	}
}

// stream tells one client of one run.
type stream struct {
	*handler
	store asof.RunStore
	out   *server.Events
	run   string
	after int64             // the last line that was sent
	sent  map[string]string // the last event of the run and of each attempt
}

// follow sends what is new until the run has ended.
func (s *stream) follow(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	last := time.Now()
	for {
		told, ended, err := s.look(ctx)
		if err == nil && !told && time.Since(last) > aliveEvery {
			told, err = true, s.out.Alive()
		}
		if err != nil || ended {
			return err
		}
		if told {
			last = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.Stopping:
			return nil
		case <-look.C:
		}
	}
}

// look sends what has changed: the run last, so that who sees it ended has all.
func (s *stream) look(ctx context.Context) (told, ended bool, err error) {
	run, err := s.store.Run(ctx, s.run)
	if err != nil {
		return false, false, err
	}
	steps, err := s.store.Steps(ctx, s.run)
	if err != nil {
		return false, false, err
	}
	for more := true; more; {
		lines, err := s.store.Lines(ctx, s.run, s.after, mostListed)
		if err != nil {
			return told, false, err
		}
		for _, l := range lines {
			told, s.after = true, l.Seq
			if err := s.send("line", strconv.FormatInt(l.Seq, 10), formOfLine(l)); err != nil {
				return told, false, err
			}
		}
		more = len(lines) == mostListed
	}
	for _, step := range steps {
		changed, err := s.changed("step", fmt.Sprint("step ", step.Name, " ", step.Attempt), formOfStep(step))
		if told = told || changed; err != nil {
			return told, false, err
		}
	}
	undone, err := s.undone(ctx, run)
	if err != nil {
		return told, false, err
	}
	changed, err := s.changed("run", "run", formOfRun(run, undone))
	return told || changed, !run.Finished.IsZero(), err
}

// changed sends an event unless it was the last of its subject.
func (s *stream) changed(event, subject string, body any) (bool, error) {
	text, err := json.Marshal(body)
	if err != nil || s.sent[subject] == string(text) {
		return false, err
	}
	s.sent[subject] = string(text)
	return true, s.send(event, "", json.RawMessage(text))
}

func (s *stream) send(event, id string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.out.Send(event, id, string(text))
}

package run

import (
	"fmt"
	"time"

	"github.com/asof-dev/asof"
)

// noteStart writes who begins a run, or goes on with it, and why.
func (h *holder) noteStart(run asof.Run) {
	begun := "begun by " + run.Worker
	switch {
	case run.TakenFrom != "":
		begun = "taken over from " + run.TakenFrom + ", which died, by " + run.Worker
	case run.Epoch > 1:
		begun = "gone on with by " + run.Worker
	}
	if run.Cause != "" {
		begun += "; cause: " + run.Cause
	}
	h.note("info", "", begun)
}

// noteStep writes how an attempt at a step ended.
func (h *holder) noteStep(s asof.RunStep) {
	switch took := s.Finished.Sub(s.Started).Round(time.Millisecond); s.State {
	case asof.RunSkipped:
		h.note("info", s.Name, "left out")
	case asof.RunFailed:
		h.note("error", s.Name, fmt.Sprintf("failed after %s: %s", took, s.Error))
	default:
		rows := "rows"
		if s.Rows == 1 {
			rows = "row"
		}
		h.note("info", s.Name, fmt.Sprintf("%s, %d %s, %s", s.State, s.Rows, rows, took))
	}
}

// noteEnd writes how the worker's part in a run ended.
func (h *holder) noteEnd(state asof.RunState, message string) {
	switch state {
	case asof.RunFailed:
		h.note("error", "", message)
	case asof.RunPending:
		h.note("info", "", "given back by a worker that was stopped; another goes on")
	case asof.RunCompleted:
		h.note("info", "", "completed")
	default:
		h.note("warn", "", "the run is "+string(state))
	}
}

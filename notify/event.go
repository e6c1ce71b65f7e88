package notify

import (
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
)

// Event is what a target is told of a run.
type Event struct {
	ID        string // the same however often it is sent
	State     asof.RunState
	At        time.Time
	Epoch     int64  // which claim of the run it is about: a run that is taken over or resumed is claimed again
	Message   string // said by a step of the run; State is "" then
	Run       asof.Run
	Steps     []asof.RunStep // the last attempt at each
	About     About          // for OpenLineage
	Namespace string         // likewise
	Version   string         // likewise
}

// last returns the last attempt at each step, in the order of the first ones.
func last(attempts []asof.RunStep) []asof.RunStep {
	at := map[string]int{}
	var steps []asof.RunStep
	for _, s := range attempts {
		i, seen := at[s.Name]
		switch {
		case !seen:
			at[s.Name] = len(steps)
			steps = append(steps, s)
		case s.Attempt >= steps[i].Attempt:
			steps[i] = s
		}
	}
	return steps
}

func (e Event) id() string { return e.ID }

func (e Event) wantedBy(t *Target) bool { return t.wants(e.Run.Pipeline, e.State) }

// body returns what is sent.
func (e Event) body(format Format) ([]byte, error) {
	switch format {
	case Slack:
		return json.Marshal(map[string]string{"text": e.text()})
	case OpenLineage:
		return e.lineage()
	default:
		return e.webhook()
	}
}

// took returns how long the run has gone on at the time of the event.
func (e Event) took() time.Duration {
	end := e.Run.Finished
	if end.IsZero() || !e.State.Ended() {
		end = e.At
	}
	if e.Run.Started.IsZero() {
		return 0
	}
	return max(0, end.Sub(e.Run.Started))
}

// why returns why the run, or what of it is tried again, failed.
func (e Event) why() string {
	if e.Run.Error != "" && e.State.Ended() {
		return e.Run.Error
	}
	if step := e.failed(); step != nil && e.State != asof.RunRunning {
		return step.Error
	}
	return ""
}

// failed returns the last step that failed and did not succeed since; nil where
// there is none.
func (e Event) failed() *asof.RunStep {
	for i := len(e.Steps) - 1; i >= 0; i-- {
		if s := &e.Steps[i]; s.Error != "" && s.State != asof.RunCompleted {
			return s
		}
	}
	return nil
}

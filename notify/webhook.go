package notify

import (
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
)

// webhookBody is the form of JSON: that of Standard Webhooks.
type webhookBody struct {
	Type string      `json:"type"` // "run.completed", "run.message"
	At   time.Time   `json:"timestamp"`
	Data webhookData `json:"data"`
}

type webhookData struct {
	Project  string            `json:"project"`
	Pipeline string            `json:"pipeline"`
	Run      string            `json:"run"`
	State    asof.RunState     `json:"state"`
	Message  string            `json:"message,omitempty"`
	Key      string            `json:"key,omitempty"`
	Cause    string            `json:"cause"`
	Params   map[string]string `json:"params"`
	Attempt  int64             `json:"attempt"` // grows when the run is taken over or resumed
	Started  *time.Time        `json:"started"`
	Finished *time.Time        `json:"finished"`
	Seconds  float64           `json:"seconds"` // since it started
	Error    *string           `json:"error"`
	Steps    []webhookStep     `json:"steps"`
}

type webhookStep struct {
	Name    string        `json:"name"`
	State   asof.RunState `json:"state"`
	Attempt int           `json:"attempt"`
	Rows    int64         `json:"rows"`
	Seconds float64       `json:"seconds"`
	Error   *string       `json:"error"`
}

func (e Event) webhook() ([]byte, error) {
	data := webhookData{Project: e.Run.Project, Pipeline: e.Run.Pipeline, Run: e.Run.ID, State: e.State, Message: e.Message, Key: e.Run.Key,
		Cause: e.Run.Cause, Params: e.Run.Params, Attempt: e.Epoch, Started: unlessZero(e.Run.Started), Seconds: e.took().Seconds(),
		Error: unlessEmpty(e.why()), Steps: []webhookStep{}}
	kind := "run." + string(e.State)
	if e.Message != "" {
		kind, data.State = "run.message", e.Run.State
	}
	if data.Params == nil {
		data.Params = map[string]string{}
	}
	if e.State.Ended() {
		data.Finished = unlessZero(e.Run.Finished)
	}
	for _, s := range e.Steps {
		step := webhookStep{Name: s.Name, State: s.State, Attempt: s.Attempt, Rows: s.Rows, Error: unlessEmpty(s.Error)}
		if !s.Finished.IsZero() {
			step.Seconds = s.Finished.Sub(s.Started).Seconds()
		}
		data.Steps = append(data.Steps, step)
	}
	return json.Marshal(webhookBody{kind, e.At.UTC(), data})
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

package pipelineapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// pipelines answers GET /pipelines. A file that is wrong is told of, and hides
// no other.
func (h *handler) pipelines(r *http.Request, store asof.RunStore) (answer, error) {
	names, err := h.Names()
	if err != nil {
		return answer{}, err
	}
	known, err := store.Schedules(r.Context(), h.Project)
	if err != nil {
		return answer{}, err
	}
	list := []pipelineJSON{}
	for _, name := range names {
		p, err := h.Load(name)
		if err != nil {
			list = append(list, pipelineJSON{Name: name, Parameters: []pipeline.Param{}, Schedules: []scheduleJSON{}, Error: err.Error()})
			continue
		}
		list = append(list, formOfPipeline(p, known, time.Now()))
	}
	return answer{body: map[string]any{"pipelines": list}}, nil
}

// pipeline answers GET /pipelines/{name}.
func (h *handler) pipeline(r *http.Request, store asof.RunStore) (answer, error) {
	p, err := h.named(r)
	if err != nil {
		return answer{}, err
	}
	known, err := store.Schedules(r.Context(), h.Project)
	return answer{body: formOfPipeline(p, known, time.Now())}, err
}

// named reads the pipeline of a request.
func (h *handler) named(r *http.Request) (*pipeline.Pipeline, error) {
	name := r.PathValue("name")
	names, err := h.Names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) { // no other file is read
		return nil, asof.Errorf(asof.CodeNotFound, "there is no pipeline %.60q%s", name, asof.DidYouMean(name, names))
	}
	return h.Load(name)
}

// parameters are the values of parameters in a request: texts, numbers and
// truths.
type parameters map[string]any

func (p parameters) texts() (map[string]string, error) {
	texts := map[string]string{}
	for name, value := range p {
		switch v := value.(type) {
		case string:
			texts[name] = v
		case json.Number, bool:
			texts[name] = fmt.Sprint(v)
		default:
			return nil, asof.Errorf(asof.CodeInvalid, "the parameter %.60q has to be a text, a number, true or false", name)
		}
	}
	return texts, nil
}

// read decodes the body of a request, which may be empty.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	var large *http.MaxBytesError
	switch err := decoder.Decode(into); {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return err
	case err != nil:
		return asof.Errorf(asof.CodeInvalid, "the body is not the JSON that /openapi.json says: %w", err)
	case decoder.More():
		return asof.Errorf(asof.CodeInvalid, "the body goes on behind its JSON")
	}
	return nil
}

// posted reads the pipeline of a request, its body, and the parameters in that.
func (h *handler) posted(r *http.Request, body any, params *parameters) (*pipeline.Pipeline, map[string]string, error) {
	p, err := h.named(r)
	if err == nil {
		err = read(r, body)
	}
	if err != nil {
		return nil, nil, err
	}
	given, err := params.texts()
	return p, given, err
}

// enter answers POST /pipelines/{name}/runs. Without a key a run of the same
// parameters that goes on is answered, and one that has ended is run again.
func (h *handler) enter(r *http.Request, store asof.RunStore) (answer, error) {
	var body struct {
		Parameters parameters `json:"parameters"`
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > mostKey {
		return answer{}, asof.Errorf(asof.CodeInvalid, "the Idempotency-Key is longer than %d bytes", mostKey)
	}
	p, given, err := h.posted(r, &body, &body.Parameters)
	if err != nil {
		return answer{}, err
	}
	values, err := p.Values(given, time.Now())
	if err != nil {
		return answer{}, err
	}
	run, again := p.NewRun(h.Project, values), asof.AgainAlways
	run.Cause = "api"
	if key != "" {
		run.Key, again = key, asof.AgainNever
	}
	entered, created, err := store.Submit(r.Context(), run, again)
	if err != nil {
		return answer{}, err
	}
	if other := differs(given, entered.Params); !created && other != "" {
		return answer{}, asof.Errorf(asof.CodeConflict, "the Idempotency-Key is that of run %s, whose parameter %s is %q; take another key", entered.ID, other, entered.Params[other])
	}
	return h.entered(r.Context(), entered, created)
}

// differs returns a parameter that was given and is another in a run; "" where
// there is none. A default may have changed since.
func differs(given, params map[string]string) string {
	for name, value := range given {
		if params[name] != value {
			return name
		}
	}
	return ""
}

// entered is the answer about a run that has been entered, or was before.
func (h *handler) entered(ctx context.Context, run asof.Run, created bool) (answer, error) {
	status := http.StatusOK
	if !run.State.Ended() {
		status = http.StatusAccepted
	}
	if h.Entered != nil {
		h.Entered()
	}
	undone, err := h.undone(ctx, run)
	return answer{status, "/runs/" + run.ID, map[string]any{"created": created, "run": formOfRun(run, undone)}}, err
}

// backfill answers POST /pipelines/{name}/backfill.
func (h *handler) backfill(r *http.Request, store asof.RunStore) (answer, error) {
	body := struct {
		From       string     `json:"from"`
		To         string     `json:"to"`
		By         string     `json:"by"`
		Parameters parameters `json:"parameters"`
	}{By: "month"}
	p, given, err := h.posted(r, &body, &body.Parameters)
	if err != nil {
		return answer{}, err
	}
	b, err := pipeline.NewBackfill(body.From, body.To, body.By, time.Now())
	if err != nil {
		return answer{}, err
	}
	runs, err := b.Submit(r.Context(), store, p, h.Project, given)
	if err != nil {
		return answer{}, err
	}
	if h.Entered != nil {
		h.Entered()
	}
	undone, err := h.undone(r.Context(), runs...)
	return answer{status: http.StatusAccepted, body: map[string]any{"runs": formOfRuns(runs, undone)}}, err
}

// pause answers POST /pipelines/{name}/pause and /unpause.
func (h *handler) pause(paused bool) serving {
	return func(r *http.Request, store asof.RunStore) (answer, error) {
		p, err := h.named(r)
		if err != nil {
			return answer{}, err
		}
		if err := p.Pause(r.Context(), store, h.Project, paused); err != nil {
			return answer{}, err
		}
		return h.pipeline(r, store)
	}
}

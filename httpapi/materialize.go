package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/value"
)

// span is the body of a request to materialize.
type span struct {
	start, end string // "" for none
	views      []string
	all        bool   // whatever the event time
	version    string // of the view
}

// filling is what a job does.
type filling func(context.Context, *materialize.Materializer) ([]materialize.Result, error)

// materialize answers POST /materialize.
func (h *handler) materialize(w http.ResponseWriter, r *http.Request) {
	h.fill(w, r, func(s *span) (filling, error) {
		from, to := time.Unix(0, 0).UTC(), time.Now()
		if !s.all {
			var err error
			if from, err = instant("start_ts", s.start); err != nil {
				return nil, err
			}
			if to, err = instant("end_ts", s.end); err != nil {
				return nil, err
			}
			if from.After(to) {
				return nil, asof.Errorf(asof.CodeInvalid, "start_ts %s is after end_ts %s", s.start, s.end)
			}
		}
		return func(ctx context.Context, m *materialize.Materializer) ([]materialize.Result, error) {
			return m.Materialize(ctx, from, to, s.views)
		}, nil
	})
}

// materializeIncremental answers POST /materialize-incremental.
func (h *handler) materializeIncremental(w http.ResponseWriter, r *http.Request) {
	h.fill(w, r, func(s *span) (filling, error) {
		end, err := instant("end_ts", s.end)
		return func(ctx context.Context, m *materialize.Materializer) ([]materialize.Result, error) {
			return m.Incremental(ctx, end, s.views)
		}, err
	})
}

// fill starts a job, and waits for its end unless the client asks with
// ?async=true. A job goes on when the client has gone.
func (h *handler) fill(w http.ResponseWriter, r *http.Request, plan func(*span) (filling, error)) {
	if h.Materializer == nil {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	b := buffers.Get().(*buffer)
	defer b.release()
	if !h.readBody(w, r, b, h.MaxBody) {
		return
	}
	s, wrong := b.parseSpan()
	if wrong != nil {
		write(w, http.StatusUnprocessableEntity, wrong.append(nil))
		return
	}
	job, err := h.start(r, s, plan)
	if busy := (*materialize.Busy)(nil); errors.As(err, &busy) {
		write(w, http.StatusConflict, conflict(busy))
		return
	}
	background, _ := lenientBool(r.URL.Query().Get("async"))
	switch {
	case err == nil && background:
		accepted(w, job)
		return
	case err == nil:
		patient(w)
		if job, err = job.Wait(r.Context()); err == nil {
			err = job.Err
		}
	}
	if err != nil {
		h.failFeast(w, r, err)
		return
	}
	write(w, http.StatusOK, appendJob(nil, job))
}

// start starts the job of a request. In the background it is refused while one
// of its views is being materialized, unless it is forced: then it waits.
func (h *handler) start(r *http.Request, s *span, plan func(*span) (filling, error)) (*materialize.Job, error) {
	run, err := plan(s)
	if err != nil {
		return nil, err
	}
	m, err := h.Materializer(r.Context())
	if err != nil {
		return nil, err
	}
	views, err := m.Names(r.Context(), s.views)
	if err == nil && s.version != "" {
		err = currentVersion(r.Context(), m, views, s.version)
	}
	if err != nil {
		return nil, refused(err)
	}
	if err := h.mayFill(r.Context(), m, views); err != nil {
		return nil, err
	}
	background, _ := lenientBool(r.URL.Query().Get("async"))
	force, _ := lenientBool(r.URL.Query().Get("force"))
	alone := background && !force
	if alone {
		busy, err := m.Busy(r.Context(), views)
		if err != nil {
			return nil, refused(err)
		}
		if len(busy) > 0 {
			return nil, asof.Errorf(asof.CodeConflict, "%w", &materialize.Busy{Views: busy})
		}
	}
	return h.Jobs.Start(views, alone, func(ctx context.Context) ([]materialize.Result, error) {
		results, err := run(ctx, m)
		if err != nil {
			h.Log.Warn("views were not materialized", "path", r.URL.Path, "error", err)
		}
		return results, refused(err)
	})
}

// refused makes the refusal of a login by a source or a store, which is the
// server's own, a fault of the server and not of who asks it.
func refused(err error) error {
	switch asof.ErrorCode(err) {
	case asof.CodeUnauthenticated, asof.CodeForbidden:
		return asof.Errorf(asof.CodeUnavailable, "%w", err)
	}
	return err
}

// currentVersion refuses a version of a view that is not the one it is at.
func currentVersion(ctx context.Context, m *materialize.Materializer, views []string, version string) error {
	if len(views) != 1 {
		return asof.Errorf(asof.CodeInvalid, "version %q is of one view: name it in feature_views", version)
	}
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return err
	}
	v, err := snapshot.View(views[0])
	if err != nil {
		return err
	}
	return v.IsVersion(version)
}

// jobs answers GET /materialize/jobs.
func (h *handler) jobs(w http.ResponseWriter, r *http.Request) {
	if h.Jobs == nil {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	out := []byte(`{"jobs":[`)
	shown := 0
	for _, job := range h.Jobs.All() {
		switch err := h.mayKnow(r, job); {
		case asof.ErrorCode(err) == asof.CodeForbidden:
			continue
		case err != nil:
			h.fail(w, r, err)
			return
		}
		if shown++; shown > 1 {
			out = append(out, ',')
		}
		out = appendJob(out, job)
	}
	write(w, http.StatusOK, append(out, "]}"...))
}

// job answers GET /materialize/jobs/{id}.
func (h *handler) job(w http.ResponseWriter, r *http.Request, id string) {
	if h.Jobs == nil {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	job := h.Jobs.Job(id)
	if job == nil {
		writeDetail(w, http.StatusNotFound, "job "+strconv.Quote(id)+" is not known to this server (any more); `asof materializations` lists every run")
		return
	}
	if err := h.mayKnow(r, job); err != nil {
		h.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, appendJob(nil, job))
}

// patient lets an answer be as late as the work takes.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a writer without deadlines has none to lift
}

// instant reads a time of a request; without a zone it is UTC.
func instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, asof.Errorf(asof.CodeInvalid, "%s is missing; write 2024-01-31T12:00:00", name)
	}
	t, ok := asof.ParseTime(text)
	if !ok {
		return time.Time{}, asof.Errorf(asof.CodeInvalid, "%s %.60q is no time; write 2024-01-31T12:00:00", name, text)
	}
	return t, nil
}

// parseSpan reads a body. Its texts do not share the buffer's memory: a job
// outlives it.
func (b *buffer) parseSpan() (*span, *malformed) {
	object, wrong := b.object()
	if wrong != nil {
		return nil, wrong
	}
	s := &span{}
	for name, v := range members(string(append([]byte(nil), object...))) {
		var wrong *malformed
		switch name {
		case "start_ts":
			s.start, wrong = parseOptional(v, name)
		case "end_ts":
			s.end, wrong = parseOptional(v, name)
		case "version":
			s.version, wrong = parseOptional(v, name)
		case "disable_event_timestamp":
			s.all, wrong = parseBool(v, `,"disable_event_timestamp"`)
		case "full_feature_names": // of no consequence: features are stored by their names
			_, wrong = parseBool(v, `,"full_feature_names"`)
		case "feature_views":
			s.views, wrong = parseNames(v, `,"feature_views"`)
		}
		if wrong != nil {
			return nil, wrong
		}
	}
	return s, nil
}

// parseOptional reads a text that may be null.
func parseOptional(v, name string) (string, *malformed) {
	if v == "null" {
		return "", nil
	}
	return parseString(v, `,"`+name+`"`)
}

// parseNames reads a list of texts that may be null.
func parseNames(v, at string) ([]string, *malformed) {
	if v == "null" {
		return nil, nil
	}
	if v[0] != '[' {
		return nil, &malformed{"list_type", at, "Input should be a valid list", v}
	}
	var names []string
	for e := range elements(v) {
		name, wrong := parseString(e, at+","+strconv.Itoa(len(names)))
		if wrong != nil {
			return nil, wrong
		}
		names = append(names, name)
	}
	return names, nil
}

// conflict is the answer about views that are being materialized.
func conflict(busy *materialize.Busy) []byte {
	sentence := busy.Error() + "; wait for the end, or ask with ?force=true to begin after it"
	out := value.AppendQuoted([]byte(`{"error":`), sentence, false)
	return append(appendNames(append(out, `,"feature_views":`...), busy.Views), '}')
}

// accepted answers about a job that goes on.
func accepted(w http.ResponseWriter, job *materialize.Job) {
	w.Header().Set("Location", "/materialize/jobs/"+job.ID)
	out := appendNames([]byte(`{"status":"accepted","feature_views":`), job.Views)
	write(w, http.StatusAccepted, append(value.AppendQuoted(append(out, `,"job":`...), job.ID, false), '}'))
}

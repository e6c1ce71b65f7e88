package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/server"
)

// The times of live parts, and how many are served at once.
const (
	lookEvery   = time.Second // what a page shows may be changed by another process: the stores are asked
	aliveEvery  = 15 * time.Second
	liveFor     = 15 * time.Minute // then the browser asks again, and is admitted again
	mostStreams = 64
)

// settled is what a page may be: whether its parts change no more.
type settled interface{ Settled() bool }

// livePath stands before the path of a page whose parts are followed.
const livePath = "/live"

// live answers GET /live/PAGE: the parts of a page that change by themselves,
// as the page has them, each when it is another one, as the event "part"; new
// lines of a log as "lines", whose id is the number of the last; and "end".
func (c *Console) live(w http.ResponseWriter, r *http.Request, p route) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		c.fail(w, r, asof.Errorf(asof.CodeUnavailable, "as many pages are followed as this server takes on; load the page again by hand"))
		return
	}
	after, err := seqOf("after", r.URL.Query().Get("after"))
	if id := r.Header.Get("Last-Event-ID"); err == nil && id != "" {
		after, err = seqOf("Last-Event-ID", id)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	f := &follower{Console: c, page: p, request: &request{Request: r, lang: c.languageOf(w, r)}, after: after, sent: map[string]string{}}
	parts, err := f.gather(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	f.out = server.StreamEvents(w)
	if err := f.follow(r.Context(), parts); err != nil && r.Context().Err() == nil {
		c.o.Log.Warn("the live parts of a page ended", "path", r.URL.Path, "error", err)
	}
}

// follower tells one browser of one page.
type follower struct {
	*Console
	page    route
	request *request
	out     *server.Events
	after   int64             // the last line that was sent
	sent    map[string]string // parts by id, as they were sent
}

// gather gathers the page's data as loading it does.
func (f *follower) gather(ctx context.Context) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	v, err := f.view(ctx)
	if err != nil && !f.page.always {
		return nil, err
	}
	f.request.view, f.request.unread = v, err
	return f.page.gather(ctx, f.Console, f.request)
}

// follow sends what is new until nothing changes any more.
func (f *follower) follow(ctx context.Context, data any) error {
	look, last, until := time.NewTicker(cmp.Or(f.page.every, lookEvery)), time.Now(), time.After(liveFor)
	defer look.Stop()
	for {
		told, err := f.send(ctx, data)
		if page, ok := data.(settled); ok && err == nil && page.Settled() {
			return f.out.Send("end", "", "")
		}
		if err == nil && !told && time.Since(last) > aliveEvery {
			told, err = true, f.out.Alive()
		}
		if err != nil {
			return err
		}
		if told {
			last = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.o.Stopping:
			return nil
		case <-until:
			return nil
		case <-look.C:
		}
		if data, err = f.gather(ctx); err != nil {
			return err
		}
	}
}

// send sends the parts that are not as they were, and new lines before them:
// who sees that a run has ended has its log.
func (f *follower) send(ctx context.Context, data any) (told bool, err error) {
	if run, ok := data.(*runPage); ok {
		if told, err = f.lines(ctx, run.ID); err != nil {
			return told, err
		}
	}
	for _, id := range f.page.live {
		html, err := f.part(id, data)
		if err != nil {
			return told, err
		}
		if f.sent[id] == html {
			continue
		}
		text, err := json.Marshal(map[string]string{"id": id, "html": html})
		if err == nil {
			err = f.out.Send("part", "", string(text))
		}
		if err != nil {
			return told, err
		}
		f.sent[id], told = html, true
	}
	return told, nil
}

// lines sends what a run's log has got.
func (f *follower) lines(ctx context.Context, run string) (told bool, err error) {
	store, err := f.o.Runs(ctx)
	if err != nil {
		return false, err
	}
	for more := true; more; {
		log, err := linesAfter(ctx, store, run, f.after, linesAtOnce)
		if err != nil || len(log.Lines) == 0 {
			return told, err
		}
		html, err := f.part("lines", log.Lines)
		if err != nil {
			return told, err
		}
		text, err := json.Marshal(html)
		if err == nil {
			err = f.out.Send("lines", strconv.FormatInt(log.Next, 10), string(text))
		}
		if err != nil {
			return told, err
		}
		f.after, more = log.Next, log.More
		told = true
	}
	return told, nil
}

// part makes a part of the page.
func (f *follower) part(name string, data any) (string, error) {
	var out bytes.Buffer
	err := f.templates[f.request.lang.code][f.page.name].ExecuteTemplate(&out, name, data)
	return out.String(), err
}

// liveAddress is where what is shown by a request is followed.
func liveAddress(root string, r *http.Request, data any) string {
	query := r.URL.Query()
	query.Del("format")
	if run, ok := data.(*runPage); ok {
		query.Set("after", strconv.FormatInt(run.Log.Next, 10))
	}
	return root + livePath + (&url.URL{Path: r.URL.Path}).EscapedPath() + "?" + query.Encode()
}

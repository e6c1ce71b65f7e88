package console

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
)

// acting is a console over a store of runs, whose local user is Zoë.
func acting(t *testing.T, store asof.RunStore, change func(*Options)) *Console {
	t.Helper()
	return opened(t, 1, func(o *Options) {
		o.User, o.Runs = "Zoë", func(context.Context) (asof.RunStore, error) { return store, nil }
		if change != nil {
			change(o)
		}
	})
}

// post sends a form as a page of the console does, and returns the answer.
func post(c *Console, address string, form url.Values) *http.Response {
	cookie := strings.Repeat("x", 26)
	form.Set("token", c.protect.sign(cookie))
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8888"+address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: tokenCookie, Value: cookie})
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	var all strings.Builder
	_ = r.Write(&all)
	return all.String()
}

func sure(pairs ...string) url.Values {
	form := url.Values{"sure": {"yes"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func submitted(t *testing.T, store asof.RunStore, run asof.Run) asof.Run {
	t.Helper()
	if run.Project == "" {
		run.Project = "p"
	}
	run, _, err := store.Submit(t.Context(), run, asof.AgainNever)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func recorded(t *testing.T, store asof.RunStore) []asof.Action {
	t.Helper()
	list, err := store.Actions(t.Context(), asof.ActionQuery{Project: "p"})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestActionsAreAskedForTwice: nothing is done by the first request, what is
// done by the second is recorded with who did it, and told once.
func TestActionsAreAskedForTwice(t *testing.T) {
	store := memory.NewRuns()
	c := acting(t, store, func(o *Options) { o.RootPath = "/asof" })
	run := submitted(t, store, asof.Run{Pipeline: "month"})
	at := "/runs/" + run.ID + "/cancel"
	status, page := get(c, at)
	if status != http.StatusOK || !strings.Contains(page, "ends before it begins") || !strings.Contains(page, `method="post" action="/asof`+at+`"`) {
		t.Errorf("the question: %d\n%s", status, page)
	}
	if first := post(c, at, url.Values{}); first.StatusCode != http.StatusOK || !strings.Contains(text(first), `name="sure" value="yes"`) {
		t.Errorf("asked for once: %d", first.StatusCode)
	}
	if now, err := store.Run(t.Context(), run.ID); err != nil || !now.Finished.IsZero() || len(recorded(t, store)) != 0 {
		t.Fatalf("before anybody was sure: %+v, %v", now, err)
	}
	answer := post(c, at, sure())
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/asof/runs/"+run.ID {
		t.Fatalf("asked for twice: %d to %s\n%s", answer.StatusCode, answer.Header.Get("Location"), text(answer))
	}
	if now, err := store.Run(t.Context(), run.ID); err != nil || now.State != asof.RunCancelled {
		t.Errorf("the run is %s, %v", now.State, err)
	}
	list := recorded(t, store)
	if len(list) != 1 || list[0].Who != "Zoë" || list[0].From != "192.0.2.1" || list[0].What != "cancel" || list[0].On != "run "+run.ID || list[0].Outcome != "cancelled" || list[0].Finished.IsZero() {
		t.Errorf("recorded: %+v", list)
	}
	var told []string
	for _, cookie := range answer.Cookies() {
		told = append(told, cookie.Name+"="+cookie.Value)
	}
	if _, page := get(c, "/actions", "Cookie", strings.Join(told, "; ")); !strings.Contains(page, `role="status">Run `+run.ID+` is cancelled.`) || !strings.Contains(page, "Zoë") {
		t.Errorf("after it:\n%s", page)
	}
	if _, page := get(c, "/actions", "Cookie", saidCookie+"=PHNjcmlwdD4.00"); strings.Contains(page, `role="status"`) {
		t.Errorf("a text of somebody else is shown:\n%s", page)
	}
	if again := post(c, at, sure()); again.StatusCode != http.StatusConflict || len(recorded(t, store)) != 1 {
		t.Errorf("what cannot be done any more: %d", again.StatusCode)
	}
	if answer := post(c, "/runs/"+run.ID+"/resume", sure()); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("resumed: %d", answer.StatusCode)
	}
}

// failing is a store that cancels nothing.
type failing struct {
	asof.RunStore
	err error
}

func (f failing) Cancel(context.Context, string) (asof.Run, error) { return asof.Run{}, f.err }

// TestActionsThatFail are recorded as such, and say why.
func TestActionsThatFail(t *testing.T) {
	for _, one := range []struct {
		err    error
		status int
		shown  string
	}{{asof.Errorf(asof.CodeUnavailable, "the store %s is away", evil), http.StatusServiceUnavailable, "is away"}, {errors.New("secret detail"), http.StatusInternalServerError, "log says why"}} {
		store := memory.NewRuns()
		run := submitted(t, store, asof.Run{Pipeline: evil})
		answer := post(acting(t, failing{store, one.err}, nil), "/runs/"+run.ID+"/cancel", sure())
		page := text(answer)
		list := recorded(t, store)
		if answer.StatusCode != one.status || !strings.Contains(page, one.shown) || strings.Contains(page, "<script>") || len(list) != 1 || list[0].Error != one.err.Error() {
			t.Errorf("%v: %d, recorded %+v\n%s", one.err, answer.StatusCode, list, page)
		}
	}
	store := memory.NewRuns()
	other := submitted(t, store, asof.Run{Project: "q", Pipeline: "month"})
	c := acting(t, store, nil)
	for name, one := range map[string]struct {
		address string
		form    url.Values
		status  int
	}{"another project's run": {"/runs/" + other.ID + "/cancel", sure(), http.StatusNotFound}, "no run": {"/runs/x/cancel", sure(), http.StatusNotFound},
		"no UTF-8": {"/runs/x/cancel", sure("a", "\xff"), http.StatusBadRequest}, "a large form": {"/runs/x/cancel", sure("a", strings.Repeat("x", mostForm)), http.StatusBadRequest}} {
		if answer := post(c, one.address, one.form); answer.StatusCode != one.status || len(recorded(t, store)) != 0 {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	open := acting(t, store, func(o *Options) { o.Local = false })
	if status, page := get(open, "/runs/"+other.ID+"/cancel"); status != http.StatusForbidden || !strings.Contains(page, "127.0.0.1") {
		t.Errorf("the question of an open console: %d\n%s", status, page)
	}
}

// TestManyActions: the page shows some, and leads to older ones.
func TestManyActions(t *testing.T) {
	store := memory.NewRuns()
	for range deedsAtOnce + 1 {
		if _, err := store.BeginAction(t.Context(), asof.Action{Project: "p", Who: evil, What: "of another version", On: evil, Details: map[string]string{"a": evil}}, asof.MostActions); err != nil {
			t.Fatal(err)
		}
	}
	c := acting(t, store, nil)
	status, page := get(c, "/actions?on="+url.QueryEscape(evil), "Accept-Language", "fr")
	if status != http.StatusOK || strings.Contains(page, "<script>") || strings.Count(page, "of another version") != deedsAtOnce || !strings.Contains(page, "before=2&amp;") {
		t.Errorf("%d\n%s", status, page)
	}
	if status, page := get(c, "/actions?before=2"); status != http.StatusOK || strings.Count(page, "of another version") != 1 || strings.Contains(page, ">Older<") {
		t.Errorf("older ones: %d\n%s", status, page)
	}
	if status, _ := get(c, "/actions?before=x"); status != http.StatusBadRequest {
		t.Errorf("a wrong place to go on from: %d", status)
	}
	if status, _ := get(opened(t, 1, nil), "/actions"); status != http.StatusServiceUnavailable {
		t.Errorf("without a store: %d", status)
	}
}

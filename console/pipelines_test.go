package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
)

const monthFile = `name: month
description: "<script>alert(1)</script>"
params:
  as_of: {type: date, default: last day of last month}
  kind: {type: enum, values: [full, part], default: full}
  folder: {type: string, description: "<script>"}
steps:
  - load: users
    file: "{{folder}}/users.csv"
    key: user_id
    columns: {user_id: text}
  - command: [echo, "{{as_of}}"]
    name: tell
    when: kind == 'full'
`

const nightlyFile = `name: nightly
schedule: {cron: "0 6 1 * *"}
params: {as_of: {type: date, default: last day of last month}}
steps: [{command: [echo, "{{as_of}}"], name: tell}]
`

// pipelinesOf are the pipelines in a folder, of which nothing is published.
func pipelinesOf(t *testing.T, files map[string]string) *Pipelines {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for name, text := range files {
		names = append(names, name)
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	must(t, os.MkdirAll(filepath.Join(dir, "data"), 0o777))
	must(t, os.WriteFile(filepath.Join(dir, "data", "users.csv"), []byte("user_id\nann\n"), 0o666))
	return &Pipelines{Works: true, Repo: dir,
		Names:        func() ([]string, error) { return names, nil },
		Load:         func(name string) (*pipeline.Pipeline, error) { return pipeline.Load(filepath.Join(dir, name+".yaml")) },
		Publications: func(context.Context) ([]asof.Publication, error) { return nil, nil },
	}
}

// piping is a console over the pipeline month and a store of its runs.
func piping(t *testing.T, change func(*Options)) (*Console, *memory.Runs) {
	t.Helper()
	store := memory.NewRuns()
	return acting(t, store, func(o *Options) {
		o.Pipelines = pipelinesOf(t, map[string]string{"month": monthFile, "nightly": nightlyFile, "broken": "name: broken\nsteps: <script>"})
		if change != nil {
			change(o)
		}
	}), store
}

// begun is a run that a worker holds.
func begun(t *testing.T, store asof.RunStore, run asof.Run) (asof.Run, asof.RunLease) {
	t.Helper()
	run = submitted(t, store, run)
	claimed, err := store.Claim(t.Context(), asof.RunClaim{Project: "p", Run: run.ID, Worker: evil, TTL: time.Minute})
	if err != nil || claimed == nil {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	return *claimed, asof.RunLease{Run: claimed.ID, Epoch: claimed.Epoch}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPipelinePages shows what is hostile, wrong, or away.
func TestPipelinePages(t *testing.T) {
	c, store := piping(t, nil)
	run, lease := begun(t, store, asof.Run{Pipeline: "month", Params: map[string]string{"as_of": "2024-01-31", "folder": evil}, Cause: evil})
	report, err := json.Marshal(pipeline.StepReport{Name: "check users", Table: "users", Rows: 3, Aside: 1, Quarantine: "quarantine_users", Changes: []asof.TableChange{{Table: evil, Added: 2}}})
	must(t, err)
	at := time.Now().UTC()
	must(t, store.Record(t.Context(), lease, asof.RunRunning, asof.RunStep{Name: evil, Attempt: 1, State: asof.RunFailed, Started: at, Finished: at.Add(time.Second), Error: evil},
		asof.RunStep{Name: evil, Attempt: 2, State: asof.RunRunning, Started: at, Rows: 3, Total: 7}, asof.RunStep{Name: "check users", Attempt: 1, State: asof.RunCompleted, Started: at, Finished: at, Report: report}))
	must(t, store.Log(t.Context(), lease, asof.RunLine{At: at, Step: evil, Level: "info", Text: evil + strings.Repeat("é", 2000)}))
	pages := map[string]string{"/pipelines": "2024-01-31", "/pipelines/month": "tell", "/pipelines/broken": "broken.yaml", "/runs": run.ID, "/runs?state=running&pipeline=month": run.ID, "/runs?pipeline=" + url.QueryEscape(evil): "",
		"/runs/" + run.ID: `max="7" value="3"`, "/runs/" + run.ID + "/log": "éé…", "/runs/" + run.ID + "/cancel": "", "/pipelines/month/run": "", "/pipelines/month/backfill": "", "/pipelines/nightly": "0 6 1 * *", "/pipelines/nightly/pause": "0 6 1 * *"}
	for address, want := range pages {
		for _, language := range []string{"fr", "en"} {
			if status, page := get(c, address, "Accept-Language", language); status != http.StatusOK || strings.Contains(page, "<script>") || !strings.Contains(page, want) {
				t.Errorf("%s in %s: %d without %q\n%s", address, language, status, want, page)
			}
		}
		if status, text := get(c, address, "Accept", "application/json"); status != http.StatusOK || !strings.HasPrefix(text, "{") {
			t.Errorf("%s as JSON: %d %s", address, status, text)
		}
	}
	if _, page := get(c, "/runs?state=foo"); !strings.Contains(page, "scheduled, pending, late, running, retrying, completed, failed, crashed, cancelled") {
		t.Errorf("a state that there is not:\n%s", page)
	}
	other := submitted(t, store, asof.Run{Project: "q", Pipeline: "month"})
	for address, want := range map[string]int{"/pipelines/mnth": 404, "/pipelines/month/pause": 400, "/pipelines/..%2Fmonth": 404, "/runs/none": 404, "/runs/" + other.ID: 404, "/runs/" + other.ID + "/log": 404, "/live/runs/" + other.ID: 404, "/runs?state=failing": 400,
		"/runs?before=none": 404, "/runs/" + run.ID + "/log?after=-1": 400, "/runs/" + run.ID + "/aside/users": 404, "/runs/" + run.ID + "/rollback": 409, "/runs/" + run.ID + "/resume": 409, "/live/runs/" + run.ID + "?after=x": 400} {
		if status, page := get(c, address); status != want {
			t.Errorf("%s: %d, not %d\n%s", address, status, want, page)
		}
	}
	away, _ := piping(t, func(o *Options) {
		o.Pipelines.Publications = func(context.Context) ([]asof.Publication, error) {
			return nil, asof.Errorf(asof.CodeUnavailable, "the warehouse is away")
		}
	})
	if status, page := get(away, "/runs"); status != http.StatusOK || !strings.Contains(page, "the warehouse is away") {
		t.Errorf("without a warehouse: %d\n%s", status, page)
	}
	unapplied, _ := piping(t, func(o *Options) { o.Registry = memory.NewRegistry(time.Now) })
	for _, address := range []string{"/pipelines", "/pipelines/month", "/runs", "/actions", "/pipelines/month/run"} {
		if status, page := get(unapplied, address); status != http.StatusOK {
			t.Errorf("%s of a project that nobody has applied: %d\n%s", address, status, page)
		}
	}
	if answer := post(unapplied, "/pipelines/month/run", sure("p.folder", "data")); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a run before anything is applied: %d\n%s", answer.StatusCode, text(answer))
	}
	if status, _ := get(opened(t, 1, nil), "/pipelines"); status != http.StatusServiceUnavailable {
		t.Errorf("without pipelines: %d", status)
	}
}

// TestManyRuns: pages stay small, and lead to what is older.
func TestManyRuns(t *testing.T) {
	c, store := piping(t, nil)
	for i := range 1000 {
		submitted(t, store, asof.Run{ID: fmt.Sprintf("run-%04d", i), Pipeline: []string{"month", "gone"}[i/999], Params: map[string]string{"as_of": "2024-01-31", "folder": strings.Repeat("x", 1000)}})
	}
	_, lease := begun(t, store, asof.Run{ID: "long", Pipeline: "gone"})
	lines := make([]asof.RunLine, 3000)
	for i := range lines {
		lines[i] = asof.RunLine{At: time.Now(), Level: "info", Text: fmt.Sprint("line ", i, " ", strings.Repeat("x", 3000))}
	}
	must(t, store.Log(t.Context(), lease, lines...))
	for address, want := range map[string]string{"/pipelines": "run-0998", "/pipelines/month": "before=run-0979", "/runs": "before=run-0951", "/runs?pipeline=month&before=run-0040": "run-0000", "/runs/long": "line 2999", "/runs/long/log": "after=500", "/runs/long/log?after=2900": "line 2999"} {
		if status, page := get(c, address); status != http.StatusOK || len(page) > 300<<10 || !strings.Contains(page, want) {
			t.Errorf("%s: %d, %d bytes, without %q", address, status, len(page), want)
		}
	}
}

// TestRunningAPipeline: what was typed wrongly is kept, what is shown is done,
// and the same again is the same run.
func TestRunningAPipeline(t *testing.T) {
	c, store := piping(t, func(o *Options) { o.Pipelines.Works = false })
	for name, form := range map[string]url.Values{"is no date": sure("p.as_of", "<Friday>", "p.folder", "x"), "the parameter folder is missing": sure("p.as_of", "2024-01-31"), "kind": sure("p.folder", "x", "p.kind", "half")} {
		answer := post(c, "/pipelines/month/run", form)
		if page := text(answer); answer.StatusCode != http.StatusBadRequest || form.Has("p.as_of") && !strings.Contains(page, `value="`+strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(form.Get("p.as_of"))+`"`) || strings.Contains(page, "sure") {
			t.Errorf("%s: %d\n%s", name, answer.StatusCode, page)
		}
	}
	asked := text(post(c, "/pipelines/month/run", url.Values{"p.folder": {"data"}, "p.as_of": {"2024-01-31"}}))
	for _, want := range []string{"as_of=2024-01-31, folder=data, kind=full", "It reads data/users.csv", "publishes as one: users", "No worker is in this process", `name="p.kind" value="full"`} {
		if !strings.Contains(asked, want) {
			t.Errorf("the question has no %q\n%s", want, asked)
		}
	}
	for range 2 {
		if answer := post(c, "/pipelines/month/run", sure("p.folder", "data", "p.as_of", "2024-01-31", "p.kind", "full")); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%d\n%s", answer.StatusCode, text(answer))
		}
	}
	runs, err := store.Runs(t.Context(), asof.RunQuery{})
	if err != nil || len(runs) != 1 || runs[0].Cause != "console, by Zoë" || runs[0].Params["folder"] != "data" {
		t.Fatalf("runs: %+v, %v", runs, err)
	}
	if _, page := get(c, "/runs/"+runs[0].ID); !strings.Contains(page, "asof serve --all") || !strings.Contains(page, "/cancel") {
		t.Errorf("a run that waits for a server:\n%s", page)
	}
	if answer := post(c, "/pipelines/month/backfill", sure("from", "2024-01", "to", "2024-03", "by", "month", "p.folder", "data")); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/runs?pipeline=month" {
		t.Errorf("back-filled: %d\n%s", answer.StatusCode, text(answer))
	}
	if answer := post(c, "/pipelines/month/backfill", sure("from", "2024-03", "to", "2024-01", "by", "month", "p.folder", "data")); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a range that ends before it begins: %d", answer.StatusCode)
	}
	if runs, err = store.Runs(t.Context(), asof.RunQuery{}); err != nil || len(runs) != 3 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if list := recorded(t, store); len(list) != 3 || list[0].What != "backfill" || list[2].Details["as_of"] != "2024-01-31" || list[2].Outcome != "run "+runs[len(runs)-1].ID {
		t.Errorf("recorded: %+v", list)
	}
}

const filesFile = `name: files
params: {month: {type: string}, as_of: {type: date, default: last day of last month}}
steps:
  - {load: users, file: "{{month}}/users.csv", key: user_id, columns: {user_id: text}}
  - {load: plays, file: "{{month}}/plays*.csv", key: user_id, columns: {user_id: text}}
  - {load: gone, file: "{{month}}/gone.csv", key: user_id, columns: {user_id: text}, when: month == 'later'}
  - command: [echo, "{{month}}"]
    name: fetch
  - {load: fetched, file: "{{month}}/fetched", key: user_id, columns: {user_id: text}}
`

// TestRunningWithoutFiles: a run that would find no files is not entered, unless
// a worker elsewhere has them; what an earlier step may make is only told.
func TestRunningWithoutFiles(t *testing.T) {
	for works, want := range map[bool]int{true: http.StatusBadRequest, false: http.StatusSeeOther} {
		c, store := piping(t, func(o *Options) {
			o.Pipelines = pipelinesOf(t, map[string]string{"files": filesFile})
			o.Pipelines.Works = works
		})
		asked := text(post(c, "/pipelines/files/run", url.Values{"p.month": {"dat"}}))
		for _, said := range []string{"there is no file dat/users.csv", "did you mean &#34;data&#34;?", "2 loads find no files"} {
			if !strings.Contains(asked, said) || strings.Contains(asked, `name="sure" value="yes"`) == works {
				t.Errorf("where a worker is here %t, the question has no %q\n%s", works, said, asked)
			}
		}
		if answer := post(c, "/pipelines/files/run", sure("p.month", "dat")); answer.StatusCode != want {
			t.Errorf("where a worker is here %t: %d\n%s", works, answer.StatusCode, text(answer))
		}
		if runs, err := store.Runs(t.Context(), asof.RunQuery{}); err != nil || (len(runs) == 0) != works {
			t.Errorf("where a worker is here %t: runs %+v, %v", works, runs, err)
		}
		must(t, os.WriteFile(filepath.Join(c.o.Pipelines.Repo, "data", "plays1.csv"), []byte("user_id\nann\n"), 0o666))
		asked = text(post(c, "/pipelines/files/run", url.Values{"p.month": {"data"}}))
		if !strings.Contains(asked, "an earlier step makes") || !strings.Contains(asked, "data/fetched") || !strings.Contains(asked, `name="sure" value="yes"`) {
			t.Errorf("what a step makes:\n%s", asked)
		}
	}
}

const spansFile = `name: spans
params: {as_of: {type: date, default: last day of last month}}
steps:
  - {load: users, file: "data/{{as_of}}.csv", key: user_id, columns: {user_id: text}}
  - command: [echo, "{{as_of}}"]
    name: fetch
  - {load: fetched, file: "data/fetched-{{as_of | %Y}}.csv", key: user_id, columns: {user_id: text}}
`

// TestBackfillingWithoutFiles: the question of a range says of each run what that
// of one run says; a run that is done already needs its files no more.
func TestBackfillingWithoutFiles(t *testing.T) {
	for works, want := range map[bool]int{true: http.StatusBadRequest, false: http.StatusSeeOther} {
		c, store := piping(t, func(o *Options) {
			o.Pipelines = pipelinesOf(t, map[string]string{"spans": spansFile})
			o.Pipelines.Works = works
		})
		for _, name := range []string{"2024-01-31.csv", "2024-03-31.csv", "fetched-2023.csv"} {
			must(t, os.WriteFile(filepath.Join(c.o.Pipelines.Repo, "data", name), []byte("user_id\nann\n"), 0o666))
		}
		ask := func(from, to, by string) string {
			return text(post(c, "/pipelines/spans/backfill", url.Values{"from": {from}, "to": {to}, "by": {by}}))
		}
		const sureOf = `name="sure" value="yes"`
		asked := ask("2023-12", "2024-03", "month")
		said := []string{"2023-12-31: It fails, unless the worker has files that are not here: there is no file data/2023-12-31.csv", "2024-02-29: It fails, unless the worker", "2024-01-31: It fails, unless an earlier step makes"}
		if works {
			said = []string{"2 of 4 runs find no files: 2023-12-31 (there is no file data/2023-12-31.csv", "2024-02-29 (there is no file data/2024-02-29.csv", "bring the files, or take a shorter range"}
		}
		for _, said := range said {
			if !strings.Contains(asked, said) || strings.Contains(asked, sureOf) == works {
				t.Errorf("where a worker is here %t, the question has no %q\n%s", works, said, asked)
			}
		}
		if asked := text(post(c, "/pipelines/spans/backfill?lang=fr", url.Values{"from": {"2024-01"}, "to": {"2024-01"}, "by": {"month"}})); !strings.Contains(asked, "2024-01-31\u00a0: Elle échouera, sauf si une étape précédente") || !strings.Contains(asked, sureOf) {
			t.Errorf("what a step makes, in French:\n%s", asked)
		}
		more := map[bool]string{true: "2023-05-10 (there is no file data/2023-05-10.csv", false: "Other runs of the range that find no files: 21."}[works]
		if asked := ask("2023-05", "2023-05", "day"); !strings.Contains(asked, more) || works && !strings.Contains(asked, "and 21 more") || strings.Contains(asked, "data/2023-05-11") {
			t.Errorf("where a worker is here %t, a long range has no %q\n%s", works, more, asked)
		}
		february, err := c.o.Pipelines.Load("spans")
		must(t, err)
		_, lease := begun(t, store, february.NewRun("p", pipeline.Values{"as_of": "2024-02-29"}))
		must(t, store.Finish(t.Context(), lease, asof.RunCompleted, "", nil))
		if asked := ask("2024-01", "2024-03", "month"); strings.Contains(asked, "2024-02-29") || !strings.Contains(asked, sureOf) {
			t.Errorf("of a run that is done:\n%s", asked)
		}
		if answer := post(c, "/pipelines/spans/backfill", sure("from", "2023-12", "to", "2024-03", "by", "month")); answer.StatusCode != want {
			t.Errorf("where a worker is here %t: %d\n%s", works, answer.StatusCode, text(answer))
		}
		if runs, err := store.Runs(t.Context(), asof.RunQuery{}); err != nil || (len(runs) == 1) != works {
			t.Errorf("where a worker is here %t: runs %+v, %v", works, runs, err)
		}
	}
}

// TestFrenchColons: a colon in French stands behind a space that does not break,
// also where a page joins a name and an object.
func TestFrenchColons(t *testing.T) {
	c, _ := piping(t, nil)
	if _, page := get(c, "/pipelines/month/run", "Accept-Language", "fr"); !strings.Contains(page, "Exécuter\u00a0: month") {
		t.Errorf("no space before the colon:\n%s", page)
	}
	for key, text := range c.languages[1].texts {
		for _, sign := range []string{" :", " ;", " ?", " !", "« ", " »"} {
			if strings.Contains(text, sign) {
				t.Errorf("%s = %s: the space of %q may break", key, text, sign)
			}
		}
	}
}

// TestFollowing reads the events of a run that goes on: its lines once, also by
// who comes again, its parts when they change, and its end.
func TestFollowing(t *testing.T) {
	stopping := make(chan struct{})
	c, store := piping(t, func(o *Options) { o.Stopping = stopping })
	s := httptest.NewServer(c)
	defer s.Close()
	run, lease := begun(t, store, asof.Run{Pipeline: "month"})
	must(t, store.Log(t.Context(), lease, asof.RunLine{At: time.Now(), Text: "first"}))
	follow := func(last string) *bufio.Scanner {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/live/runs/"+run.ID+"?after=0", nil)
		must(t, err)
		r.Header.Set("Last-Event-ID", last)
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		t.Cleanup(func() { answer.Body.Close() })
		if answer.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%d %s", answer.StatusCode, answer.Header)
		}
		return bufio.NewScanner(answer.Body)
	}
	until := func(events *bufio.Scanner, want string) (seen string) {
		for events.Scan() {
			if seen += events.Text() + "\n"; strings.Contains(events.Text(), want) {
				return seen
			}
		}
		t.Fatalf("no %q in\n%s", want, seen)
		return ""
	}
	events := follow("")
	if seen := until(events, `"id":"found"`); !strings.Contains(seen, "id: 1\nevent: lines\n") || !strings.Contains(seen, "first") || !strings.Contains(seen, "running") {
		t.Errorf("at the begin:\n%s", seen)
	}
	must(t, store.Log(t.Context(), lease, asof.RunLine{At: time.Now(), Text: "second"}))
	if seen := until(events, "second"); strings.Contains(seen, "first") {
		t.Errorf("a line comes twice:\n%s", seen)
	}
	if seen := until(follow("1"), `"id":"found"`); strings.Contains(seen, "first") || !strings.Contains(seen, "second") {
		t.Errorf("who comes again gets\n%s", seen)
	}
	must(t, store.Finish(t.Context(), lease, asof.RunFailed, evil, nil))
	if seen := until(events, "event: end"); !strings.Contains(seen, "failed") || strings.Contains(seen, "<script>") {
		t.Errorf("at the end:\n%s", seen)
	}
	answer, err := http.Get(s.URL + "/live/runs?state=failed")
	must(t, err)
	defer answer.Body.Close()
	close(stopping)
	list, further := bufio.NewScanner(answer.Body), 0
	first := until(list, "data:")
	for list.Scan() { // until the server ends it
		further++
	}
	if !strings.Contains(first, "event: part") || further > 2 {
		t.Errorf("a list of runs, followed while the server stops: %s and %d lines", first, further)
	}
}

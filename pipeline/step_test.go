package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// flow is a run of a small pipeline in a folder of its own.
type flow struct {
	dir    string
	report monthReport
	mu     sync.Mutex
	log    []string
}

const users = "id,name,born,fee\n1,a,2001-01-31,1.5\n2,b,,\n3,\"c \"\"d\"\"\",2003-03-31,2.25\n"

// runSteps runs a pipeline that loads three users and then does the steps.
func runSteps(ctx context.Context, t *testing.T, w asof.Warehouse, steps string, change func(*settings)) (*flow, error) {
	t.Helper()
	f := &flow{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(f.dir, "users.csv"), []byte(users), 0o644); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(head, "steps:", "  full: {type: boolean, default: false}\n  word: {default: x}\n  less: {type: integer, default: 1}\nsteps:", 1)
	p, err := loadText(t, strings.Replace(text, "{{month}}/", "", 1)+steps)
	if err != nil {
		t.Fatal(err)
	}
	o := settings{Pipeline: p, Repo: f.dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}, Log: func(step, line string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.log = append(f.log, step+": "+line)
	}}
	if change != nil {
		change(&o)
	}
	f.report, err = carryOut(ctx, o)
	return f, err
}

// ran lists the steps of the report; one that was left out stands in brackets.
func (f *flow) ran() (names []string) {
	for _, s := range f.report.Steps {
		if s.Skipped {
			names = append(names, "["+s.Name+"]")
			continue
		}
		names = append(names, s.Name)
	}
	return names
}

func TestATableByAQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		steps := `  - sql: by_year
    query: |
      SELECT EXTRACT(YEAR FROM u.born) AS year, count(*) AS n, sum(fee) AS fee, max(name) AS "the ""name""", bool_and(fee > 1) AS dear
      FROM users u GROUP BY 1 -- of all
    key: n2
    columns: {n2: integer}
`
		steps = strings.ReplaceAll(steps, "key: n2", "key: year")
		steps = strings.Replace(steps, "{n2: integer}", `{year: integer, n: bigint, fee: numeric, 'the "name"': text, dear: boolean}`, 1)
		steps = strings.Replace(steps, "GROUP BY 1", "WHERE born IS NOT NULL AND born < DATE '{{as_of}}' GROUP BY 1", 1)
		steps += "  - {check: by_year, expect: [{min: 1, column: n}, {rows: {min: 2, max: 2}}]}\n  - {snapshot: by_year_snapshots, from: by_year}\n"
		f, err := runSteps(t.Context(), t, w, steps, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c := changes(f.report); c["by_year"].Added != 2 || c["by_year_snapshots"].Added != 2 {
			t.Errorf("changes: %+v", c)
		}
		for sql, want := range map[string]string{
			`SELECT CAST("the ""name""" AS text) FROM by_year WHERE year = 2003`:                     `c "d"`,
			`SELECT CAST(count(*) AS text) FROM by_year WHERE fee IN (1.5, 2.25) AND dear AND n = 1`: "2",
		} {
			if got := query(t, w, sql); got != want {
				t.Errorf("%s: %q", sql, got)
			}
		}
		for query, want := range map[string]string{
			"SELECT 1 AS id, 'x' AS v UNION ALL SELECT 1, 'y'": "2 rows have the key id=1",
			"SELECT 1 AS id":                                  "v",
			"SELECT 7 AS id, 'x' AS v FROM":                   "syntax",
			"SELECT CAST(NULL AS integer) AS id, 'x' AS v":    "id",
			"SELECT id, name AS v FROM users WHERE id > 1000": "0 rows; expected are 1 or more",
			"SELECT id, name AS v FROM nobody":                "nobody",
		} {
			_, err := runSteps(t.Context(), t, w, "  - {sql: bad, query: \""+query+"\", key: id, columns: {id: integer, v: text}}\n", nil)
			if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "asof-query-*"))
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestStepsThatAreLeftOut(t *testing.T) {
	steps := `  - {sql: yearly, query: "SELECT id, name FROM users", key: id, columns: {id: integer, name: text}, when: full}
  - {snapshot: yearly_snapshots, from: yearly}
  - {snapshot: users_snapshots, from: users, when: as_of.month == 1}
  - {check: users, when: full, expect: [{max: 2, column: id}]}
  - {command: [echo, it, is, full], name: tell, when: full}
  - {command: [echo, follows], needs: tell}
  - {command: [echo, "{{as_of | %B}}"]}
`
	w := warehouses["embedded"](t)
	f, err := runSteps(t.Context(), t, w, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := changes(f.report)
	if _, there := c["yearly"]; there || c["users_snapshots"].Added != 3 {
		t.Errorf("changes: %+v", c)
	}
	if want := []string{"load users", "[sql yearly]", "check users", "publish", "[tell]", "[command echo]", "command echo 2"}; !slices.Equal(slices.DeleteFunc(f.ran(), func(s string) bool { return strings.Contains(s, "snapshot") }), want) {
		t.Errorf("ran %q", f.ran())
	}
	if want := []string{"command echo 2: January"}; !slices.Equal(f.log, want) {
		t.Errorf("log %q", f.log)
	}
	if _, err := runSteps(t.Context(), t, w, steps, func(o *settings) { o.Params["full"] = "true" }); err == nil || !strings.Contains(err.Error(), "above 2") {
		t.Errorf("the check of a full run: %v", err)
	}
}

func TestCommands(t *testing.T) {
	w := warehouses["embedded"](t)
	t.Setenv("LANGUAGE_TEST_TOKEN", "s3cret-token")
	steps := `  - command: [sh, -c, 'printf "%s|%s|%s" "$0" "$NAME" "$ASOF_STEP"; echo; echo "$TOKEN" >&2; pwd', "{{word}}"]
    env: {NAME: "of {{as_of}}", TOKEN: "Bearer ${LANGUAGE_TEST_TOKEN}"}
    name: all
  - {command: "echo {{word}} | tr a-z A-Z; exit 0", shell: true}
`
	f, err := runSteps(t.Context(), t, w, steps, func(o *settings) { o.Params["word"] = "it's; rm -rf *, $HOME ${LANGUAGE_TEST_TOKEN} {{as_of}}" })
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"all: it's; rm -rf *, $HOME ${LANGUAGE_TEST_TOKEN} {{as_of}}|of 2024-01-31|all", "all: Bearer ***", "all: " + f.dir,
		"command echo: IT'S; RM -RF *, $HOME ${LANGUAGE_TEST_TOKEN} {{AS_OF}}"}
	if !slices.Equal(f.log, want) {
		t.Errorf("log\n%q, want\n%q", f.log, want)
	}
	_, err = runSteps(t.Context(), t, w, "  - {command: [sh, -c, 'echo one; echo $T; exit 3'], env: {T: '${LANGUAGE_TEST_TOKEN}'}}\n", nil)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "one\n  ***") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a program that fails: %v", err)
	}
	for step, want := range map[string]string{
		"{command: [no-such-program]}":                         "no-such-program cannot be run",
		"{command: ['true'], env: {A: '${NO_SUCH_VARIABLE}'}}": "the environment variable NO_SUCH_VARIABLE is not set",
		"{command: ['true'], dir: nowhere}":                    "cannot be run",
		"{command: [sleep, '60'], timeout: 200ms}":             "took longer than 200ms",
	} {
		if _, err := runSteps(t.Context(), t, w, "  - "+step+"\n", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// TestACommandEndsWithItsChildren cancels runs whose programs started others,
// one of which ignores the first signal.
func TestACommandEndsWithItsChildren(t *testing.T) {
	w := warehouses["embedded"](t)
	for name, script := range map[string]string{"willing": "sleep 300 & echo $! >pid; wait", "deaf": "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $! >pid; wait",
		"behind": "sleep 300 & echo $! >pid"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pids := make(chan int, 1)
			go func() {
				for ctx.Err() == nil {
					time.Sleep(20 * time.Millisecond)
					found, _ := filepath.Glob(filepath.Join(filepath.Dir(t.TempDir()), "*", "pid"))
					if len(found) == 0 {
						continue
					}
					var pid int
					text, _ := os.ReadFile(found[0])
					if n, _ := fmt.Sscan(string(text), &pid); n == 1 {
						pids <- pid
						cancel()
					}
				}
			}()
			_, err := runSteps(ctx, t, w, "  - {command: \""+script+"\", shell: true}\n", nil)
			if name != "behind" && !errors.Is(err, context.Canceled) {
				t.Errorf("err = %v", err)
			}
			pid := <-pids
			for range 100 {
				if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			out, _ := exec.Command("ps", "-p", fmt.Sprint(pid)).CombinedOutput()
			t.Errorf("the child lives: %s", out)
		})
	}
}

// zombie reports whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(text, []byte(") Z "))
}

func TestCallsOfServers(t *testing.T) {
	w := warehouses["embedded"](t)
	t.Setenv("LANGUAGE_TEST_TOKEN", "s3cret-token")
	type call struct{ method, path, body, token, key, kind string }
	var mu sync.Mutex
	var calls []call
	status := []int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, call{r.Method, r.URL.String(), string(body), r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type")})
		code := 200
		if len(status) > 0 {
			code, status = status[0], status[1:]
		}
		if code == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "you sent "+r.Header.Get("Authorization"))
	}))
	defer server.Close()
	t.Setenv("LANGUAGE_TEST_URL", server.URL)
	do := func(step string, answers ...int) (*flow, error) {
		calls, status = nil, answers
		return runSteps(t.Context(), t, w, "  - "+step+"\n", func(o *settings) { o.Params["word"] = "a\"b\n${LANGUAGE_TEST_TOKEN}" })
	}
	const retries = "retries: {times: 2, wait: 1ms}"
	f, err := do("{http: '${LANGUAGE_TEST_URL}/in/{{as_of}}', headers: {Authorization: 'Bearer ${LANGUAGE_TEST_TOKEN}'}, json: {word: '{{word}}', n: [1, {a: null}]}, name: post, "+retries+"}", 503, 429, 201)
	want := call{"POST", "/in/2024-01-31", `{"n":[1,{"a":null}],"word":"a\"b\n${LANGUAGE_TEST_TOKEN}"}`, "Bearer s3cret-token", f.report.Run + "/post", "application/json"}
	if err != nil || !slices.Equal(calls, []call{want, want, want}) {
		t.Errorf("%v: %+v", err, calls)
	}
	if log := strings.Join(f.log, "\n"); strings.Contains(log, "s3cret") || strings.Contains(log, server.URL) || !strings.Contains(log, "201 Created") {
		t.Errorf("log: %s", log)
	}
	for _, c := range []struct {
		step, want string
		calls      int
		status     []int
		code       asof.Code
	}{
		{"{http: '${LANGUAGE_TEST_URL}', headers: {Authorization: '${LANGUAGE_TEST_TOKEN}'}, " + retries + "}", "answers 404 Not Found, which is not expected: you sent ***", 1, []int{404}, asof.CodeInvalid},
		{"{http: '${LANGUAGE_TEST_URL}', " + retries + "}", "answers 500", 3, []int{500, 502, 500}, asof.CodeUnavailable},
		{"{http: '${LANGUAGE_TEST_URL}', retries: 0}", "answers 302", 1, []int{302}, asof.CodeInvalid},
		{"{http: '${LANGUAGE_TEST_URL}', expect: 204, retries: 0}", "answers 200", 1, nil, asof.CodeInvalid},
		{"{http: '${LANGUAGE_TEST_URL}', expect: [302, 404], method: DELETE}", "", 1, []int{302}, ""},
		{"{http: 'http://127.0.0.1:1/?key=${LANGUAGE_TEST_TOKEN}', retries: 0}", "127.0.0.1:1 does not answer", 0, nil, asof.CodeUnavailable},
		{"{http: '${NO_SUCH_VARIABLE}', retries: 3}", "NO_SUCH_VARIABLE is not set", 0, nil, asof.CodeInvalid},
		{"{http: '${LANGUAGE_TEST_TOKEN}', retries: 3}", "the address is not one of http", 0, nil, asof.CodeInvalid},
		{"{http: '${LANGUAGE_TEST_URL}', headers: {A: '{{word}}'}}", "the header A has more than one line", 0, nil, asof.CodeInvalid},
	} {
		_, err := do(c.step, c.status...)
		if asof.ErrorCode(err) != c.code || len(calls) != c.calls || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %d calls, %s %v", c.step, len(calls), asof.ErrorCode(err), err)
		}
	}
}

func TestStepsAroundPublishing(t *testing.T) {
	w := warehouses["embedded"](t)
	asked := new(online)
	var made pipeline.TrainingSetStep
	steps := `  - {command: [echo, early], name: early}
  - {snapshot: users_snapshots, from: users}
  - materialize: all
  - {training_set: "out/{{as_of}}.csv", features: [v:f], entities: "SELECT '{{as_of}}'", label: l}
  - {materialize: [v], name: once more}
  - {command: [cat, again], name: late, retries: {times: 1, wait: 1ms}}
on_failure:
  - {command: [echo, "{{error}}"], name: sorry}
  - {command: ["false"], name: also}
  - {notify: "{{as_of}} failed", to: ops}
`
	var told []pipeline.Message
	trains := func(o *settings) {
		o.Materialize = asked.materialize
		o.Notify = func(_ context.Context, m pipeline.Message) error { told = append(told, m); return nil }
		o.TrainingSet = func(_ context.Context, step pipeline.TrainingSetStep) (int64, error) { made = step; return 7, nil }
	}
	f, err := runSteps(t.Context(), t, w, steps, trains)
	if err == nil || !strings.Contains(err.Error(), "the month 2024-01-31 is published, and late failed; run the same command again") {
		t.Errorf("err = %v", err)
	}
	if want := []string{"load users", "check users", "early", "publish", "materialize", "training_set", "once more", "late", "sorry", "also", "notify"}; !slices.Equal(f.ran(), want) {
		t.Errorf("ran %q", f.ran())
	}
	if made.File != filepath.Join(f.dir, "out/2024-01-31.csv") || made.Entities != "SELECT '2024-01-31'" || made.Label != "l" || len(asked.asOf) != 2 {
		t.Errorf("made %+v, materialized %v", made, asked.asOf)
	}
	log := strings.Join(f.log, "\n")
	if !strings.Contains(log, "late: attempt 1 failed, and it is tried again in 1ms") || strings.Count(log, "late: cat: again: No such file") != 2 || !strings.Contains(log, "sorry: the month 2024-01-31 is published") {
		t.Errorf("log: %s", log)
	}
	if last := f.report.Steps[len(f.report.Steps)-2]; len(last.Warnings) != 1 || !strings.Contains(last.Warnings[0].Message, "exit status 1") {
		t.Errorf("the last step: %+v", last)
	}
	if len(told) != 1 || told[0].Text != "2024-01-31 failed" || told[0].Run != f.report.Run || told[0].Step != "notify" || told[0].To[0] != "ops" || told[0].Params["error"] != "" {
		t.Errorf("told %+v", told)
	}
	// What is wrong before publishing keeps the later steps from running.
	f, err = runSteps(t.Context(), t, w, "  - {check: users, expect: [{max: 2, column: id}]}\n"+steps, trains)
	if err == nil || slices.Contains(f.ran(), "early") || !slices.Contains(f.ran(), "sorry") || slices.Contains(f.ran(), "publish") {
		t.Errorf("ran %q, %v", f.ran(), err)
	}
}

// TestMonitorStep stops the month only where it was asked to.
func TestMonitorStep(t *testing.T) {
	broken := asof.Errorf(asof.CodeUnavailable, "the statistics are away")
	for _, c := range []struct {
		keys    string
		drifted []string
		err     error
		fails   string // "": the run is completed
		warns   string
	}{
		{"", nil, nil, "", ""},
		{"", []string{"v:f has drifted"}, nil, "", "v:f has drifted"},
		{"", nil, broken, "", "there are no statistics: the statistics are away"},
		{", fail_on: nothing", nil, broken, "", "there are no statistics: the statistics are away"},
		{", fail_on: error", []string{"v:f has drifted"}, nil, "", "v:f has drifted"},
		{", fail_on: error", nil, broken, "monitor failed; run the same command again to complete it: the statistics are away", ""},
		{", fail_on: drift", nil, nil, "", ""},
		{", fail_on: drift", []string{"v:f has drifted"}, nil, "the month 2024-01-31 is published, and monitor failed", ""},
		{", fail_on: drift", nil, broken, "the statistics are away", ""},
	} {
		var asked pipeline.MonitorStep
		var by string
		f, err := runSteps(t.Context(), t, warehouses["embedded"](t), "  - {monitor: [v], granularity: daily"+c.keys+"}\n", func(o *settings) {
			o.Monitor = func(_ context.Context, asOf time.Time, step pipeline.MonitorStep, run string, _ func(level, line string)) (pipeline.Monitored, error) {
				asked, by = step, asOf.Format(time.DateOnly)+" "+run
				return pipeline.Monitored{Rows: 5, Drifted: c.drifted}, c.err
			}
		})
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%q, %v %v: the run ends with %v", c.keys, c.drifted, c.err, err)
		}
		last := f.report.Steps[len(f.report.Steps)-1]
		if last.Name != "monitor" || last.Rows != 5 || last.Failed != (c.fails != "") || len(last.Warnings) > 0 && last.Warnings[0].Message != c.warns || (len(last.Warnings) > 0) != (c.warns != "") {
			t.Errorf("%q, %v %v: %+v", c.keys, c.drifted, c.err, last)
		}
		if len(asked.Views) != 1 || asked.Granularity != asof.Daily || by != "2024-01-31 run "+f.report.Run {
			t.Errorf("asked for %+v of %q", asked, by)
		}
	}
}

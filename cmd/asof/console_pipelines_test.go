package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// visits is a pipeline that talks for a while, and puts rows aside.
const visits = `name: visits
description: Visits by user.
schedule: {cron: "0 6 1 * *"}
params:
  as_of: {type: date, default: last day of last month}
  kind: {type: enum, values: [full, part], default: full}
steps:
  - command: [sh, -c, "echo one; sleep 1; echo two; sleep 1; echo three"]
    name: talk
  - load: visits
    file: data/visits.csv
    key: user_id
    columns: {user_id: text, n: bigint}
  - check: visits
    quarantine: true
    at_most: 0.5
    expect:
      - min: 0
        column: n
`

// browsePipelines runs a pipeline by the browser, follows the run as it goes on,
// corrects the row that it puts aside; then, in French, pauses its schedule and
// lets it fire again, rolls back, back-fills, cancels and resumes.
func browsePipelines(t *testing.T, b *browser, w *watched) {
	for name, text := range map[string]string{"pipelines/visits.yaml": visits, "data/visits.csv": "user_id,n\na,1\nb,-2\nc,3\n"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var runAt, told, marked, aside, correct, undo, state, paused, list string
	sure := follow(`button[value="yes"]`)
	ended := chromedp.WaitVisible("#summary .state.completed")
	err := b.do(chromedp.Navigate(w.root+"/pipelines/visits/run?lang=en"), chromedp.SetValue(`[name="p.kind"]`, "part"), chromedp.SetValue(`[name="p.as_of"]`, "2024-02-29"),
		follow(".fields button.strong"), chromedp.Text("main", &told), sure,
		// The log grows, and the state changes, in the page that was loaded.
		chromedp.WaitVisible("#summary"), chromedp.Evaluate(`document.body.dataset.loaded = "once"`, nil), ended, chromedp.Evaluate(`document.body.dataset.loaded + " " + document.querySelector("#log").innerText`, &marked), chromedp.Location(&runAt),
		// What was put aside is corrected.
		follow(`a[href$="/aside/visits"]`), chromedp.Text("main table", &aside), follow(`a[href$="/replay/visits"]`), chromedp.Value("textarea", &correct),
		chromedp.SetValue("textarea", "user_id,n\nb,2\n"), follow(".fields button.strong"), sure, ended)
	if err != nil {
		t.Fatalf("%v; before: %s", err, told)
	}
	if !strings.Contains(told, "visits runs with as_of=2024-02-29, kind=part") || !strings.Contains(told, "reads data/visits.csv") || !strings.HasPrefix(marked, "once ") || !strings.Contains(marked, "three") {
		t.Errorf("asked:\n%s\nin the page that was loaded:\n%s", told, marked)
	}
	if !strings.Contains(aside, "min n: 0") || correct != "user_id,n\nb,-2\n" {
		t.Errorf("put aside: %s, to be corrected: %q", aside, correct)
	}
	b.open(t, runAt+"?theme=dark&lang=fr", "fr")
	b.open(t, runAt+"/log", "fr")
	b.open(t, w.root+"/pipelines/visits?theme=light", "fr")
	if err := b.do(chromedp.Navigate(w.root+"/pipelines/visits?lang=fr"), follow(`a.act[href$="/pause"]`), sure, chromedp.WaitVisible(`a.act[href$="/unpause"]`), chromedp.Text("main", &paused),
		follow(`a.act[href$="/unpause"]`), sure, chromedp.WaitVisible(`a.act[href$="/pause"]`), follow("#runs tbody a"), follow(`a.act[href$="/rollback"]`), chromedp.Text("main", &undo), sure, chromedp.WaitVisible("#summary .state.cancelled"),
		chromedp.Navigate(w.root+"/pipelines/visits/backfill"), chromedp.SetValue(`[name="from"]`, "2024-01"), chromedp.SetValue(`[name="to"]`, "2024-02"), chromedp.SetValue(`[name="p.kind"]`, "full"), follow(".fields button.strong"), sure,
		chromedp.WaitVisible("#runs tbody tr"), follow("#runs tbody a"), follow(`a.act[href$="/cancel"]`), sure, chromedp.WaitVisible(`a.act[href$="/resume"]`), chromedp.Text("#summary .state", &state),
		follow(`a.act[href$="/resume"]`), sure, ended, chromedp.Navigate(w.root+"/actions"), chromedp.Text("main table", &list)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(paused, "est suspendue") || !strings.Contains(undo, "1 lignes ajoutées disparaissent") || state != "annulée" {
		t.Errorf("paused:\n%s\nrolling back:\n%s\nafter cancelling it is %s", paused, undo, state)
	}
	var actions []struct{ Action, Who, From, On, Outcome, Error string }
	if err := json.Unmarshal(run(t, "asof", "-c", w.dir, "actions", "--output", "json"), &actions); err != nil {
		t.Fatal(err)
	}
	var done []string
	for _, a := range actions {
		if strings.Contains(a.On, "training set") {
			continue
		}
		if a.Who == "" || a.From != "127.0.0.1" || a.Error != "" {
			t.Errorf("%+v", a)
		}
		done = append(done, a.Action)
	}
	if got := strings.Join(done, " "); got != "resume cancel backfill rollback unpause pause replay run" || !strings.Contains(list, "Annuler la publication") {
		t.Errorf("recorded: %s; shown:\n%s", got, list)
	}
	for _, address := range []string{"/pipelines?lang=en", "/runs?state=completed&pipeline=visits", "/actions?on=pipeline+visits", "/pipelines/visits/run", "/pipelines/ingest_month?theme=dark"} {
		b.open(t, w.root+address, "en")
	}
	fetch(t, w.root+"/runs/none", http.StatusNotFound)
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// skew is what `asof monitor drift --output json` says of a feature.
type skew struct {
	View, Verdict string
	Current       asof.DriftSide
	Features      []struct {
		Feature, Verdict string
		Reasons          []string
		Current          asof.Profile
	}
}

// TestAnswersAreLogged serves January to its users with all answers logged: what
// was served is what was there offline, and what a model was trained on, until
// somebody writes other fees online.
func TestAnswersAreLogged(t *testing.T) {
	dir := shop(t)
	drift := func(reference string, exit int) skew {
		t.Helper()
		cmd := exec.Command("asof", "-c", dir, "monitor", "drift", "--reference", reference, "--current", "served", "-v", "subs_profile_fv", "-f", "monthly_fee", "--output", "json")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, _ := cmd.Output()
		var views []skew
		if err := json.Unmarshal(out, &views); cmd.ProcessState.ExitCode() != exit || exit < 2 && (err != nil || len(views) != 1) && !strings.Contains(stderr.String(), "no answers were logged") {
			t.Fatalf("%v ends with %d, want %d\n%s%s", cmd.Args, cmd.ProcessState.ExitCode(), exit, out, &stderr)
		}
		if len(views) == 0 {
			return skew{Verdict: stderr.String()}
		}
		return views[0]
	}
	if nothing := drift("2024-01-31", 1); !strings.Contains(nothing.Verdict, "asof: {answers: {sample: 0.01}}") {
		t.Errorf("before anything is logged it says %q", nothing.Verdict)
	}
	yaml := filepath.Join(dir, "feature_store.yaml")
	text, err := os.ReadFile(yaml)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(yaml, bytes.Replace(text, []byte("\nasof:\n"), []byte("\nasof:\n  answers: {sample: 1, flush: 100ms}\n"), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	root := "http://" + serve(t, dir, 1, "-p", "0")["http"]
	users := usersOf(t, dir)
	written := 0
	ask := func() {
		t.Helper()
		for range 4 {
			body, err := json.Marshal(map[string]any{"features": []string{"subs_profile_fv:monthly_fee"}, "entities": map[string]any{"user_id": users}})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.Post(root+"/get-online-features", "application/json", bytes.NewReader(body))
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatal(answer, err)
			}
			answer.Body.Close()
			written += len(users)
		}
		want := fmt.Sprintf(`asof_answers_logged_total{result="written"} %d`, written)
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(fetch(t, root+"/metrics", http.StatusOK), want); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the metrics never said %s", want)
			}
		}
	}
	ask()
	run(t, "asof", "-c", dir, "get-historical-features", "--as-of", "2024-01-31", "-f", "subs_profile_fv:monthly_fee", "-o", "training.csv")
	drift("training.csv", 0)
	agreed := drift("2024-01-31", 0)
	if f := agreed.Features[0]; agreed.Verdict != "stable" || f.Current.Rows != int64(written) || f.Current.Nulls != 0 || agreed.Current.Source != asof.StatisticsLog || time.Since(agreed.Current.From) > time.Hour {
		t.Errorf("agreement is %+v", agreed)
	}

	wrong := map[string]any{"user_id": users}
	for range users {
		for name, value := range map[string]any{"monthly_fee": 900.5, "event_timestamp": "2024-02-01T00:00:00Z", "months_active": 1, "paperless_billing": true, "plan_stream_tv": true, "plan_stream_movies": true, "net_service": "DSL"} {
			list, _ := wrong[name].([]any)
			wrong[name] = append(list, value)
		}
	}
	body, err := json.Marshal(map[string]any{"feature_view_name": "subs_profile_fv", "df": wrong})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(root+"/write-to-online-store", "application/json", bytes.NewReader(body))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	ask()
	found := drift("training.csv", 1)
	if f := found.Features[0]; found.Verdict != "drifted" || len(f.Reasons) == 0 || f.Current.Max == nil || *f.Current.Max != 900.5 {
		t.Errorf("the wrong fees are %+v", found)
	}
	kept := run(t, "asof", "-c", dir, "monitor", "run", "--source-type", "log", "-v", "subs_profile_fv", "--output", "json")
	if !strings.Contains(string(kept), `"log"`) {
		t.Errorf("statistics of what was served:\n%s", kept)
	}
}

// usersOf reads the users of January.
func usersOf(t *testing.T, dir string) (users []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data/seeds/month_000/users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		users = append(users, strings.Split(line, ",")[0])
	}
	return users
}

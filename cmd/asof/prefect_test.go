package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asof-dev/asof/storetest"
)

// drive runs the flows of deploy/prefect in one process, whose start is most of
// the time, and prints what each returned or raised.
const drive = `
import json, os, sys
folder, repository, server, bad, good = sys.argv[1:]
sys.path.insert(0, folder)
import flow
for name in ("month_by_command", "month_by_http"):
    setattr(flow, name, getattr(flow, name).with_options(retry_delay_seconds=0))

def tell(flow, *args):
    try:
        print(json.dumps({"returned": flow(*args)}))
    except Exception as e:
        print(json.dumps({"raised": type(e).__name__, "why": str(e)}))

january, february = {"month_000": "2024-01-31"}, {"month_001": "2024-02-29"}
tell(flow.months_by_command, repository, "ingest_month", january)
tell(flow.months_by_command, repository, "ingest_month", february)
os.rename(good, bad)
tell(flow.months_by_http, server, "ingest_month", {**january, **february})
tell(flow.months_by_http, server, "ingest_month", february)
tell(flow.months_by_http, server, "ingest_months", february)
`

// TestPrefect has Prefect's flow run January by the command line and a bad
// February, which fails; then both by HTTP, with the file corrected.
func TestPrefect(t *testing.T) {
	python := storetest.PrefectPython(t)
	for name, value := range map[string]string{"PREFECT_HOME": t.TempDir(), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
		"PREFECT_LOGGING_TO_API_ENABLED": "false", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"} {
		t.Setenv(name, value)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "2")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	usage := filepath.Join(dir, "data/seeds/month_001/usage_agg_30d.csv")
	text, err := os.ReadFile(usage)
	if err != nil {
		t.Fatal(err)
	}
	good := usage + ".good"
	wrong := regexp.MustCompile(`(?m)^([^,\n]+),[0-9][^,]*`).ReplaceAll(text, []byte("$1,-1"))
	for path, content := range map[string][]byte{good: text, usage: wrong} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	where := serve(t, dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	folder, err := filepath.Abs("../../deploy/prefect")
	if err != nil {
		t.Fatal(err)
	}
	var told []struct {
		Returned    []json.RawMessage
		Raised, Why string
	}
	for line := range strings.Lines(runFlows(t, python, folder, dir, "http://"+where["http"], usage, good)) {
		told = append(told, struct {
			Returned    []json.RawMessage
			Raised, Why string
		}{})
		if err := json.Unmarshal([]byte(line), &told[len(told)-1]); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
	}
	if len(told) != 5 {
		t.Fatalf("%d flows told of: %+v", len(told), told)
	}
	if r := told[0]; len(r.Returned) != 1 || !strings.Contains(string(r.Returned[0]), `"pipeline": "ingest_month"`) {
		t.Errorf("January by command: %+v", r)
	}
	if r := told[1]; r.Raised != "Failed" || !strings.Contains(r.Why, "watch_hours_30d") || !strings.Contains(r.Why, "-1") {
		t.Errorf("a bad February: %+v", r)
	}
	if r := told[2]; len(r.Returned) != 2 {
		t.Errorf("both by HTTP: %+v", r)
	}
	if r, again := told[2], told[3]; len(again.Returned) != 1 || runID(t, again.Returned[0]) != runID(t, r.Returned[1]) {
		t.Errorf("February again: %+v", again)
	}
	if r := told[4]; r.Raised != "Refused" || !strings.Contains(r.Why, "404") || !strings.Contains(r.Why, "ingest_month") {
		t.Errorf("a pipeline that does not exist: %+v", r)
	}
	online := run(t, "asof", "-c", dir, "get-online-features", "--output", "table", "-e", "user_id=3413-BMNZE", "-f", "usage_agg_30d_fv:watch_hours_30d")
	if !strings.Contains(string(online), "32.04") { // February's
		t.Errorf("online:\n%s", online)
	}
}

// runFlows runs drive. The server that Prefect starts for it ends with it.
func runFlows(t *testing.T, python string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", drive}, args...)...)
	cmd.SysProcAttr, cmd.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, 10*time.Second
	t.Cleanup(func() {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Prefect says:\n%s", log.Bytes())
		}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func runID(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var r struct{ ID, State string }
	if err := json.Unmarshal(text, &r); err != nil || r.ID == "" || r.State != "completed" {
		t.Fatalf("%v: %s", err, text)
	}
	return r.ID
}

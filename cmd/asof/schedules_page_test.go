package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSchedulesPage follows docs/schedules.md with two servers of one
// repository: what its commands enter is carried out, and a pipeline that is
// added while they serve is run by its schedule, once for each time.
func TestSchedulesPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	page, dir := string(text), t.TempDir()
	if out, err := exec.Command("asof", "-c", dir, "init", "my_project", "-t", "minimal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	repository := filepath.Join(dir, "my_project")
	_, example, _ := strings.Cut(page, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	steps := `
steps:
  - load: %s
    file: "seeds/{{month}}/customers.csv"
    key: customer_id
    columns: {customer_id: text, orders_30d: integer, amount_30d: "numeric(10,2)", channel: text}
`
	pipelines := filepath.Join(repository, "pipelines")
	if err := os.Remove(filepath.Join(pipelines, "load_month.yaml")); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(pipelines, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ingest_month.yaml", example+fmt.Sprintf(steps, "customers"))
	for before, after := range map[string]string{"month_000": "2024-01", "month_001": "2024-02"} {
		if err := os.Rename(filepath.Join(repository, "seeds", before), filepath.Join(repository, "seeds", after)); err != nil {
			t.Fatal(err)
		}
	}
	var address string
	for range 2 {
		where := serveBy(t, repository, 6, "serve", "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
		address = "http://" + where["http"]
	}
	runPage(t, repository, strings.ReplaceAll(page, "localhost:6566", strings.TrimPrefix(address, "http://")), "")

	type entered struct {
		Pipeline, State, Cause, Error string
		Due                           time.Time
		Parameters                    map[string]string
	}
	runs := func() (list struct{ Runs []entered }) {
		if err := json.Unmarshal([]byte(fetch(t, address+"/runs", 200)), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	write("tick.yaml", "name: tick\nparams: {as_of: {type: date, default: today}, month: {type: string, default: 2024-01}}\nschedule: {every: 1s}\n"+fmt.Sprintf(steps, "ticks"))
	causes := map[string]int{}
	for deadline := time.Now().Add(time.Minute); causes["backfill"] < 2 || causes["api"] < 1 || causes["schedule every 1s"] < 4; time.Sleep(200 * time.Millisecond) {
		causes = map[string]int{}
		for _, run := range runs().Runs {
			if run.State == "failed" || run.State == "crashed" {
				t.Fatalf("%+v", run)
			}
			if run.State == "completed" {
				causes[run.Cause]++
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a minute these are completed: %v\n%+v", causes, runs())
		}
	}
	due := map[time.Time]bool{}
	for _, run := range runs().Runs {
		switch {
		case run.Pipeline == "tick" && due[run.Due]:
			t.Errorf("two runs for %s", run.Due)
		case run.Pipeline == "tick":
			due[run.Due] = true
		case run.Parameters["month"] != run.Parameters["as_of"][:7]:
			t.Errorf("%+v", run)
		}
	}
}

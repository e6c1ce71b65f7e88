package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// transformedViews have functions that need Python: one that is computed when it
// is read, and one when rows are written.
const transformedViews = `
def attempted(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    try:
        df["twice"] = inputs["rate"] * 2 + inputs["factor"]
    except KeyError:
        df["twice"] = -1.0
    df["place"] = inputs["city"].fillna("nowhere")
    return df


asked = on_demand_feature_view(sources=[stats, request], schema=[Field(name="twice", dtype=Float64), Field(name="place", dtype=String)])(attempted)


@on_demand_feature_view(entities=[user], sources=[stats], schema=[Field(name="half", dtype=Float64)], write_to_online_store=True)
def stored(inputs: pd.DataFrame) -> pd.DataFrame:
    try:
        return pd.DataFrame({"half": inputs["rate"] / 2})
    except KeyError:
        return pd.DataFrame({"half": inputs["trips"] / 2})
`

// feastTransformations starts Feast's own transformation server on a repository,
// and returns what ends it.
func feastTransformations(t *testing.T, dir, address string) (stop func()) {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	var told bytes.Buffer
	cmd := exec.Command(storetest.FeastPython(t), "-m", "feast.cli.cli", "serve_transformations", "-p", port)
	cmd.Dir, cmd.Stderr = dir, &told
	cmd.Env = append(os.Environ(), "FEAST_USAGE=False", "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // it is killed
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return stop
		}
		select {
		case <-ended:
			t.Fatalf("Feast's transformation server ended: %s", told.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("Feast's transformation server takes no calls after a minute")
		}
	}
}

// TestTransformationsByFeast has functions that need Python run by Feast's
// transformation server: in training data, when rows are written, and online.
func TestTransformationsByFeast(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config := strings.Replace(onDemandConfig, "asof: {python: %s}", "feature_server:\n  type: local\n  transformation_service_endpoint: "+service, 1)
	for name, text := range map[string]string{"features.py": onDemandRepository + transformedViews, "feature_store.yaml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	storetest.RunPython(t, makeStats, dir)
	out, err := exec.Command("asof", "-c", dir, "apply").CombinedOutput()
	if err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	applied := string(out)
	for _, want := range []string{`on-demand feature view "attempted" runs by the transformation service at ` + service, `on-demand feature view "stored" runs by the transformation service at ` + service,
		`on-demand feature view "columns" runs over columns`, "until then its features cannot be read"} {
		if !strings.Contains(applied, want) {
			t.Errorf("apply does not say %s:\n%s", want, applied)
		}
	}
	stop := feastTransformations(t, dir, service)

	var rows []map[string]any
	if err := json.Unmarshal(run(t, "asof", "-c", dir, "get-historical-features", "--entity-df", "rows.parquet", "-f", "attempted:twice", "-f", "attempted:place", "-f", "stats:rate", "-f", "stats:city"), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 40 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		var twice, place any = nil, "nowhere"
		if rate, ok := row["rate"].(float64); ok {
			twice = rate*2 + row["factor"].(float64)
		}
		if row["city"] != nil {
			place = row["city"]
		}
		if row["twice"] != twice || row["place"] != place {
			t.Errorf("%v: want %v, %v", row, twice, place)
		}
	}

	run(t, "asof", "-c", dir, "materialize", "2023-01-01T00:00:00", "2024-03-01T00:00:00")
	where := "http://" + serve(t, dir, 1, "-p", "0")["http"]
	read := func(features string) (int, string) {
		answer, err := http.Post(where+"/get-online-features", "application/json", strings.NewReader(fmt.Sprintf(`{"features": [%s], "entities": {"user_id": ["u6", "u8", "nobody"], "factor": [2, 2.5, 1], "step": [1, 1, 1]}}`, features)))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	code, text := read(`"attempted:twice", "attempted:place", "stored:half"`)
	var got struct {
		Results []struct{ Values []any }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	named := map[string][]any{}
	var names struct {
		Metadata struct {
			Names []string `json:"feature_names"`
		}
	}
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		t.Fatal(err)
	}
	for i, name := range names.Metadata.Names {
		named[name] = got.Results[i].Values
	}
	rate := func(i float64) float64 { return i/7 - 1 }
	for name, want := range map[string][]any{"twice": {rate(6)*2 + 2, rate(8)*2 + 2.5, nil}, "place": {"nowhere", "Oslo", "nowhere"}, "half": {rate(6) / 2, rate(8) / 2, nil}} {
		if diff := cmp.Diff(want, named[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	stop()
	if code, text := read(`"attempted:twice"`); code != http.StatusServiceUnavailable || !strings.Contains(text, "the transformation service at "+service+" cannot be reached") {
		t.Errorf("without the service: %d %s", code, text)
	}
	if code, text := read(`"columns:busy", "stored:half"`); code != http.StatusOK {
		t.Errorf("what needs no service: %d %s", code, text)
	}
	feastTransformations(t, dir, service)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if code, text := read(`"attempted:twice"`); code == http.StatusOK {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("with the service again: %d %s", code, text)
		}
	}
}

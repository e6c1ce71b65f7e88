package main

import (
	"bufio"
	"cmp"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	registrypb "github.com/asof-dev/asof/feastpb/registry"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	typespb "github.com/asof-dev/asof/feastpb/types"
)

// TestServeAll starts the servers as a person does, asks each of them, and
// stops them politely.
func TestServeAll(t *testing.T) {
	addresses := serve(t, shop(t), 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	if body := fetch(t, "http://"+addresses["http"]+"/features/3413-BMNZE?features=monthly_fee", 200); !strings.Contains(body, `"monthly_fee":45.25`) {
		t.Errorf("HTTP: %s", body)
	}
	conn, err := grpc.NewClient(addresses["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := servingpb.NewServingServiceClient(conn).GetOnlineFeatures(t.Context(), &servingpb.GetOnlineFeaturesRequest{
		Kind:     &servingpb.GetOnlineFeaturesRequest_Features{Features: &servingpb.FeatureList{Val: []string{"subs_profile_fv:monthly_fee"}}},
		Entities: map[string]*typespb.RepeatedValue{"user_id": {Val: []*typespb.Value{{Val: &typespb.Value_StringVal{StringVal: "3413-BMNZE"}}}}}})
	if err != nil || got.Results[1].Values[0].GetFloatVal() != 45.25 {
		t.Errorf("gRPC: %v, %v", got, err)
	}
	conn.Close()
	if conn, err = grpc.NewClient(addresses["registry"], grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	view, err := registrypb.NewRegistryServerClient(conn).GetFeatureView(t.Context(), &registrypb.GetFeatureViewRequest{Project: "shop", Name: "subs_profile_fv"})
	if err != nil || len(view.Meta.MaterializationIntervals) != 1 {
		t.Errorf("the registry: %v, %v", view, err)
	}
	conn.Close()
	if body := fetch(t, "http://"+addresses["REST registry"]+"/api/v1/materialization_jobs?project=shop", 200); !strings.Contains(body, `"id":"subs_profile_fv-0"`) {
		t.Errorf("the registry over HTTP: %s", body)
	}
}

// TestServeSettings serves with the settings of asof.serve.
func TestServeSettings(t *testing.T) {
	dir := shop(t)
	yaml := filepath.Join(dir, "feature_store.yaml")
	text, err := os.ReadFile(yaml)
	if err != nil {
		t.Fatal(err)
	}
	settings := "asof:\n  serve: {max_entities: 2, max_requests: 8, timeout: 3s, features: [monthly_fee], cache: {entries: 10, ttl: 1ms}}\n  freshness: monthly, due day 5, grace 10 days\n"
	if err := os.WriteFile(yaml, []byte(strings.Replace(string(text), "asof:\n", settings, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "http://" + serve(t, dir, 1, "-p", "0")["http"]
	for query, want := range map[string]string{
		"/features?user_id=3413-BMNZE&user_id=x":  `{"rows":[{"user_id":"3413-BMNZE","features":{"monthly_fee":45.25}},{"user_id":"x","features":{"monthly_fee":null}}]}`,
		"/features?user_id=a&user_id=b&user_id=c": "has 3 entity rows, and the limit is 2",
		"/openapi.json": `"maxItems":2`,
		"/features/3413-BMNZE?features=paperless_billing": `{"user_id":"3413-BMNZE","features":{"paperless_billing":`,
	} {
		answer, err := http.Get(address + query)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %.300s, want %s", query, body, want)
		}
	}
	// The sample's month is years ago.
	header := ""
	for end := time.Now().Add(10 * time.Second); header == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(address + "/features/3413-BMNZE")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		header = answer.Header.Get("Asof-Freshness")
	}
	if header != "subs_profile_fv=stale; month=2024-02" {
		t.Errorf("Asof-Freshness: %q", header)
	}
	if body := fetch(t, address+"/metrics", 200); !strings.Contains(body, `asof_feature_view_stale{feature_view="usage_agg_30d_fv"} 1`) {
		t.Errorf("no view is stale in %s", body)
	}
}

// shop makes a repository whose views are online.
func shop(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "1")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", "-c", dir, "materialize-incremental", "2024-02-01")
	return dir
}

// serve runs `asof serve` until the test ends, and returns where so many
// servers listen, by what they serve: http, grpc, metrics.
func serve(t *testing.T, dir string, servers int, args ...string) map[string]string {
	t.Helper()
	return serveBy(t, dir, servers, append([]string{"serve"}, args...)...)
}

// serveBy is serve by another command.
func serveBy(t *testing.T, dir string, servers int, command ...string) map[string]string {
	t.Helper()
	where, _ := serveTold(t, dir, servers, command...)
	return where
}

// serveTold is serveBy, with what is said before the servers are there.
func serveTold(t *testing.T, dir string, servers int, command ...string) (where map[string]string, told string) {
	t.Helper()
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-c", dir}, command...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("asof %s ends with %v", command[0], err)
		}
	})
	where = map[string]string{}
	line := regexp.MustCompile(`^Serving (?:project \S+|(metrics|registry|REST registry|offline store|console|transformations)) on (\w+)://(.*)$`)
	for lines := bufio.NewScanner(stderr); len(where) < servers && lines.Scan(); {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			where[cmp.Or(m[1], m[2])] = m[3]
		} else {
			told += lines.Text() + "\n"
		}
	}
	go io.Copy(io.Discard, stderr)
	return where, told
}

// fetch returns the body of an answer of that status.
func fetch(t *testing.T, url string, status int) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Errorf("%s: %d %.300s (%v), want %d", url, answer.StatusCode, body, err, status)
	}
	return string(body)
}

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	servingpb "github.com/asof-dev/asof/feastpb/serving"
	typespb "github.com/asof-dev/asof/feastpb/types"
)

// TestServeAll starts the servers as a person does, asks each of them, and
// stops them politely.
func TestServeAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "1")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", "-c", dir, "materialize-incremental", "2024-02-01")

	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", dir, "serve", "--all", "-p", "0", "--grpc-port", "0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() // where the test has failed
	addresses := map[string]string{}
	lines := bufio.NewScanner(stderr)
	for len(addresses) < 2 && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "Serving project shop on "); ok {
			scheme, address, _ := strings.Cut(url, "://")
			addresses[scheme] = address
		}
	}
	go io.Copy(io.Discard, stderr)

	answer, err := http.Get("http://" + addresses["http"] + "/features/3413-BMNZE?features=monthly_fee")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if !strings.Contains(string(body), `"monthly_fee":45.25`) {
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

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("asof serve ends with %v", err)
	}
}

// TestServeSettings serves with the settings of asof.serve.
func TestServeSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	yaml := filepath.Join(dir, "feature_store.yaml")
	text, err := os.ReadFile(yaml)
	if err != nil {
		t.Fatal(err)
	}
	settings := "asof:\n  serve: {max_entities: 2, max_requests: 8, timeout: 3s, features: [monthly_fee], cache: {entries: 10, ttl: 1ms}}\n"
	if err := os.WriteFile(yaml, []byte(strings.Replace(string(text), "asof:\n", settings, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "1")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", "-c", dir, "materialize-incremental", "2024-02-01")
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", dir, "serve", "-p", "0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	address := ""
	for lines := bufio.NewScanner(stderr); address == "" && lines.Scan(); {
		_, address, _ = strings.Cut(lines.Text(), "Serving project shop on ")
	}
	go io.Copy(io.Discard, stderr)
	for query, want := range map[string]string{
		"/features?user_id=3413-BMNZE&user_id=x":  `{"rows":[{"user_id":"3413-BMNZE","features":{"monthly_fee":45.25}},{"user_id":"x","features":{"monthly_fee":null}}]}`,
		"/features?user_id=a&user_id=b&user_id=c": "has 3 entity rows, and the limit is 2",
		"/openapi.json": `"maxItems": 2`,
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
}

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	servingpb "github.com/asof-dev/asof/feastpb/serving"
)

// TestMetrics serves with metrics on a port of their own, and holds them and
// what asof verify writes against the dashboard and the alerts.
func TestMetrics(t *testing.T) {
	dir := shop(t)
	t.Setenv("OPENLINEAGE_URL", "http://127.0.0.1:1") // nobody is there to be told of runs
	run(t, "asof", "-c", dir, "monitor", "drift", "--reference", "2024-01", "--current", "2024-01-31", "-v", "subs_profile_fv")
	where := serve(t, dir, 7, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0", "--metrics-port", "0")
	fetch(t, "http://"+where["http"]+"/features/3413-BMNZE?features=monthly_fee", 200)
	fetch(t, "http://"+where["http"]+"/features/3413-BMNZE?feature_service=nope", 404)
	fetch(t, "http://"+where["http"]+"/metrics", 404)
	fetch(t, "http://"+where["metrics"]+"/features/3413-BMNZE", 404)
	conn, err := grpc.NewClient(where["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := servingpb.NewServingServiceClient(conn).GetOnlineFeatures(t.Context(), &servingpb.GetOnlineFeaturesRequest{
		Kind: &servingpb.GetOnlineFeaturesRequest_Features{Features: &servingpb.FeatureList{Val: []string{"subs_profile_fv:monthly_fee"}}}}); err == nil {
		t.Error("a request without entities is answered")
	}
	response, err := http.Post("http://"+where["http"]+"/pipelines/ingest_month/runs", "application/json", strings.NewReader(`{"parameters": {"month": "month_000", "as_of": "2024-01-31"}}`))
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatal(response, err)
	}
	response.Body.Close()
	var ran struct{ State string }
	for deadline := time.Now().Add(30 * time.Second); ran.State != "completed" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err := json.Unmarshal([]byte(fetch(t, "http://"+where["http"]+response.Header.Get("Location"), 200)), &ran); err != nil {
			t.Fatal(err)
		}
	}
	shown := fetch(t, "http://"+where["metrics"]+"/metrics", 200)
	for _, line := range []string{
		`feast_feature_server_request_total{endpoint="/features/{key}",status="success"} 1`,
		`feast_feature_server_request_total{endpoint="feast.serving.ServingService/GetOnlineFeatures",status="error"} 1`,
		`asof_request_duration_seconds_count{code="InvalidArgument",feature_service="",route="feast.serving.ServingService/GetOnlineFeatures"} 1`,
		`feast_materialization_result_total{feature_view="subs_profile_fv",status="success"} 2`,
		`asof_materialized_rows_total{feature_view="subs_profile_fv"} 100`,
		`asof_newest_event_timestamp_seconds{feature_view="subs_profile_fv"} 1.7066592e+09`,
		`asof_collect_errors_total{source="ledger"} 0`,
		`asof_collect_errors_total{source="runs"} 0`,
		`asof_drift_view{feature_view="subs_profile_fv",source="batch"} 0`,
		`asof_drift_psi{feature="monthly_fee",feature_view="subs_profile_fv",source="batch"} 0`,
		`asof_pipeline_failed{pipeline="ingest_month"} 0`,
		`asof_pipeline_as_of_timestamp_seconds{pipeline="ingest_month"} 1.7066592e+09`,
		`asof_notifications_total{result="dropped",target="openlineage"} 0`,
		`feast_feature_freshness_seconds{feature_view="subs_profile_fv",project="shop"} `,
		`asof_build_info{`, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(shown, "\n"+line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	run(t, "asof", "-c", dir, "verify", "--metrics-file", "verify.prom")
	verified, err := os.ReadFile(filepath.Join(dir, "verify.prom"))
	if err != nil || !strings.Contains(string(verified), `asof_verify_mismatches{cause="never loaded",feature_view="subs_profile_fv",project="shop"} 0`) ||
		!strings.Contains(string(verified), `asof_verify_keys{feature_view="subs_profile_fv",project="shop"} 50`) {
		t.Errorf("asof verify writes\n%s %v", verified, err)
	}
	holdQueries(t, shown+string(verified))
}

// holdQueries fails where the dashboard or an alert names a metric or a label
// that is not exported.
func holdQueries(t *testing.T, exported string) {
	t.Helper()
	names := []string{"up"} // Prometheus' own
	labels := []string{"job", "instance", "le"}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)(\{.*\})? `).FindAllStringSubmatch(exported, -1) {
		names = append(names, m[1])
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
	}
	queries := append(dashboardQueries(t), alertQueries(t)...)
	if len(queries) < 20 {
		t.Errorf("there are %d queries", len(queries))
	}
	name, inBraces, by := regexp.MustCompile(`\b(?:asof|feast|go|process|up)(?:_\w+|\b)`), regexp.MustCompile(`\{[^}]*\}`), regexp.MustCompile(`\bby \(([^)]*)\)`)
	matcher, text := regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)`), regexp.MustCompile(`"[^"]*"`)
	for _, q := range queries {
		q = text.ReplaceAllString(q, `""`)
		if strings.Count(q, "(") != strings.Count(q, ")") {
			t.Errorf("%s: brackets do not match", q)
		}
		used := []string{}
		for _, m := range matcher.FindAllStringSubmatch(strings.Join(inBraces.FindAllString(q, -1), ""), -1) {
			used = append(used, m[1])
		}
		for _, m := range by.FindAllStringSubmatch(q, -1) {
			used = append(used, strings.Split(m[1], ", ")...)
		}
		for _, l := range used {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: no metric has label %q", q, l)
			}
		}
		metrics := name.FindAllString(by.ReplaceAllString(inBraces.ReplaceAllString(q, ""), ""), -1)
		if len(metrics) == 0 {
			t.Errorf("%s names no metric", q)
		}
		for _, m := range metrics {
			if !slices.Contains(names, m) {
				t.Errorf("%s: there is no metric %q", q, m)
			}
		}
	}
}

func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/asof.json")
	var dashboard struct {
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
			t.Errorf("panel %s is at %v with %d queries", p.Title, p.GridPos, len(p.Targets))
		}
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, variable := range dashboard.Templating.List {
		queries = append(queries, variable.Query)
	}
	return queries
}

func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/alerts.yml")
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			queries = append(queries, r.Expr)
		}
	}
	return queries
}

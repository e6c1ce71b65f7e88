package definition_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/storetest"
)

func TestInitWritesEveryTemplate(t *testing.T) {
	if diff := cmp.Diff([]string{"minimal", "streamflow"}, definition.Templates()); diff != "" {
		t.Error(diff)
	}
	for _, template := range definition.Templates() {
		dir := filepath.Join(t.TempDir(), "shop")
		files, err := definition.Init(dir, "shop", template)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, f := range files {
			have[f] = true
			text, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Error(err)
			}
			if strings.Contains(string(text), "{{project}}") {
				t.Errorf("%s: %s does not name the project", template, f)
			}
		}
		for _, f := range []string{"README.md", "feature_store.yaml", "feature_store.postgres.yaml", ".gitignore", ".feastignore"} {
			if !have[f] {
				t.Errorf("%s has no %s", template, f)
			}
		}
	}
}

func TestInitConfigurations(t *testing.T) {
	for name, value := range map[string]string{"POSTGRES_HOST": "db", "POSTGRES_PORT": "5433", "POSTGRES_DB": "d", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "0123"} {
		t.Setenv(name, value)
	}
	for _, template := range definition.Templates() {
		dir := filepath.Join(t.TempDir(), "shop")
		if _, err := definition.Init(dir, "shop", template); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string][3]string{
			"feature_store.yaml":          {"duckdb", "sqlite", "parquet"},
			"feature_store.postgres.yaml": {"postgres", "postgres", "postgres"},
		} {
			c, err := definition.LoadConfig(dir, filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]string{c.Offline.Type, c.Online.Type, c.WarehouseSection().Type}; got != want || c.Project != "shop" {
				t.Errorf("%s, %s: project %s on %v, want shop on %v", template, file, c.Project, got, want)
			}
			if len(c.Warnings) > 0 {
				t.Errorf("%s, %s: %v", template, file, c.Warnings)
			}
		}
	}
}

func TestInitRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, project, template string
		code                   asof.Code
		says                   string
	}{
		{full, "shop", "minimal", asof.CodeConflict, "is not empty"},
		{filepath.Join(full, "mine.py"), "shop", "minimal", asof.CodeInvalid, "mine.py"},
		{t.TempDir(), "_shop", "minimal", asof.CodeInvalid, `"_shop" cannot be the name of a project`},
		{t.TempDir(), "my-shop", "minimal", asof.CodeInvalid, "letters, digits and underscores"},
		{t.TempDir(), "", "minimal", asof.CodeInvalid, `"" cannot be the name`},
		{t.TempDir(), "shop", "gcp", asof.CodeInvalid, `no template "gcp": take one of minimal, streamflow`},
	} {
		files, err := definition.Init(c.dir, c.project, c.template)
		if asof.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.says) || files != nil {
			t.Errorf("Init(%q, %q): %v (%s), want %q (%s)", c.project, c.template, err, asof.ErrorCode(err), c.says, c.code)
		}
	}
	if left, err := os.ReadDir(full); err != nil || len(left) != 1 {
		t.Errorf("a folder that was refused now holds %v (%v)", left, err)
	}
}

// The pipelines of a template are right, and write the tables that its sources
// read.
func TestInitPipelines(t *testing.T) {
	for template, want := range map[string]map[string][]string{
		"minimal": {"load_month": {"customers_snapshots"}},
		"streamflow": {"ingest_month": {"subscriptions_profile_snapshots", "usage_agg_30d_snapshots",
			"payments_agg_90d_snapshots", "support_agg_90d_snapshots", "labels_snapshots"}},
	} {
		dir := filepath.Join(t.TempDir(), "shop")
		files, err := definition.Init(dir, "shop", template)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, f := range files {
			if filepath.Dir(f) != "pipelines" {
				continue
			}
			p, err := pipeline.Load(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range p.Steps {
				if step.Snapshot != nil {
					got[p.Name] = append(got[p.Name], step.Snapshot.Table.Name)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", template, diff)
		}
	}
}

// readByFeast has Feast's SDK read repositories, as its apply would.
const readByFeast = `
import json, os, sys
from pathlib import Path
from feast.repo_config import load_repo_config
from feast.repo_operations import parse_repo

os.environ.update(POSTGRES_HOST="db", POSTGRES_PORT="5432", POSTGRES_DB="d", POSTGRES_USER="u", POSTGRES_PASSWORD="1")
found = {}
for repo in map(Path, sys.argv[1:]):
    for name in ("feature_store.yaml", "feature_store.postgres.yaml"):
        assert load_repo_config(repo, repo / name).project == "shop", name
    os.chdir(repo)
    sys.path.insert(0, str(repo))
    contents = parse_repo(repo)
    found[repo.name] = {
        "entities": {e.name: e.join_key for e in contents.entities if e.name != "__dummy"},
        "sources": sorted(s.name for s in contents.data_sources),
        "views": {v.name: {f.name: str(f.dtype) for f in v.features} for v in contents.feature_views},
        "forever": all(not v.ttl and v.online for v in contents.feature_views),
        "owners": sorted({v.tags.get("owner", "") for v in contents.feature_views}),
        "services": sorted(s.name for s in contents.feature_services),
    }
    sys.path.pop(0)
json.dump(found, sys.stdout)
`

type feastRepository struct {
	Entities map[string]string
	Sources  []string
	Views    map[string]map[string]string
	Forever  bool
	Owners   []string
	Services []string
}

func TestFeastReadsTemplates(t *testing.T) {
	var args []string
	for _, template := range definition.Templates() {
		dir := filepath.Join(t.TempDir(), template)
		if _, err := definition.Init(dir, "shop", template); err != nil {
			t.Fatal(err)
		}
		args = append(args, dir)
	}
	want := map[string]feastRepository{
		"minimal": {
			Entities: map[string]string{"customer": "customer_id"},
			Sources:  []string{"customers_source"},
			Views:    map[string]map[string]string{"customer_orders": {"orders_30d": "Int64", "amount_30d": "Float64", "channel": "String"}},
			Forever:  true,
			Owners:   []string{""},
			Services: []string{"next_order_v1"},
		},
		"streamflow": {
			Entities: map[string]string{"user": "user_id"},
			Sources:  []string{"payments_agg_90d_source", "subs_profile_source", "support_agg_90d_source", "usage_agg_30d_source"},
			Views: map[string]map[string]string{
				"subs_profile_fv": {"months_active": "Int64", "monthly_fee": "Float32", "paperless_billing": "Bool",
					"plan_stream_tv": "Bool", "plan_stream_movies": "Bool", "net_service": "String"},
				"usage_agg_30d_fv": {"watch_hours_30d": "Float32", "avg_session_mins_7d": "Float32",
					"unique_devices_30d": "Int64", "skips_7d": "Int64", "rebuffer_events_7d": "Int64"},
				"payments_agg_90d_fv": {"failed_payments_90d": "Int64"},
				"support_agg_90d_fv":  {"support_tickets_90d": "Int64", "ticket_avg_resolution_hrs_90d": "Float32"},
			},
			Forever:  true,
			Owners:   []string{"mlops-course"},
			Services: []string{},
		},
	}
	var got map[string]feastRepository
	if err := json.Unmarshal(storetest.RunPython(t, readByFeast, args...), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

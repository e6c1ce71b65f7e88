package registryfile_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// streamflow is a repository of StreamFlow's kind. The entity has a type and
// sources are not validated, so Feast applies it without a database.
var streamflow = map[string]string{
	"feature_store.yaml": `project: streamflow
provider: local
registry: registry.db
offline_store: {type: postgres, host: localhost, port: 5432, database: d, db_schema: public, user: u, password: p}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
`,
	"entities.py": `from feast import Entity, ValueType
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
`,
	"data_sources.py": `from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
subs = PostgreSQLSource(
    name="subs_profile", query="SELECT user_id, as_of, months_active, monthly_fee FROM subscriptions_profile_snapshots", timestamp_field="as_of")
usage = PostgreSQLSource(name="usage_agg_30d", table="usage_agg_30d_snapshots", timestamp_field="as_of", created_timestamp_column="made")
`,
	"feature_views.py": `from datetime import timedelta
from feast import FeatureService, FeatureView, Field
from feast.types import Bool, Float32, Int64
from data_sources import subs, usage
from entities import user
subs_profile_fv = FeatureView(
    name="subs_profile_fv", entities=[user], ttl=None, online=True, source=subs, tags={"owner": "mlops-course"},
    schema=[Field(name="months_active", dtype=Int64), Field(name="monthly_fee", dtype=Float32), Field(name="paperless", dtype=Bool)])
usage_fv = FeatureView(
    name="usage_agg_30d_fv", entities=[user], ttl=timedelta(days=45), source=usage, schema=[Field(name="skips_7d", dtype=Int64)])
everybody = FeatureView(name="everybody_fv", source=usage, schema=[Field(name="skips_7d", dtype=Int64)])
churn = FeatureService(name="churn", features=[subs_profile_fv[["monthly_fee"]], usage_fv, everybody])
`,
}

// writeRepository writes a repository's files into a new folder.
func writeRepository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// localTemplate is the repository that `feast init -t local` makes.
func localTemplate(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	storetest.RunFeast(t, dir, "init", "-t", "local", "loc")
	return filepath.Join(dir, "loc", "feature_repo")
}

func TestFeastOpensWhatWeWrite(t *testing.T) {
	for _, c := range []struct {
		name, project, registry string
		repository              func(t *testing.T) string
		use                     func(t *testing.T, dir, registry string)
	}{
		{"local template", "loc", "data/registry.db", localTemplate, useLocal},
		{"streamflow", "streamflow", "registry.db", func(t *testing.T) string { return writeRepository(t, streamflow) }, readStreamflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := c.repository(t)
			storetest.RunFeast(t, dir, "apply", "--skip-source-validation")
			path := filepath.Join(dir, c.registry)
			feasts := snapshot(t, path, c.project)
			if err := os.Rename(path, path+".feast"); err != nil {
				t.Fatal(err)
			}
			ours, err := registryfile.Open(path, nil).Apply(t.Context(), c.project, asof.Change{Put: definitions(feasts)})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range definitions(feasts) {
				if ours.Object(o.ObjectKind(), o.ObjectName()) == nil {
					t.Errorf("%s %q is lost", o.ObjectKind(), o.ObjectName())
				}
			}
			var differences []string
			out := storetest.RunPython(t, compareRegistries, dir, path+".feast", path)
			if err := json.Unmarshal(out, &differences); err != nil {
				t.Fatal(err)
			}
			for _, d := range differences {
				t.Error(d)
			}

			if c.use != nil {
				c.use(t, dir, path)
			}
		})
	}
}

// planned returns what Feast would change in the repository's registry. Its
// SQLite tables are not part of that.
func planned(t *testing.T, dir string) []string {
	t.Helper()
	var changes []string
	for line := range strings.Lines(string(storetest.RunFeast(t, dir, "plan", "--skip-source-validation"))) {
		verb, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"Created", "Updated", "Deleted"}, verb) && !strings.Contains(line, "sqlite table") {
			changes = append(changes, line)
		}
	}
	return changes
}

// readStreamflow holds what we read of the repository against its files.
func readStreamflow(t *testing.T, _, path string) {
	query := "SELECT user_id, as_of, months_active, monthly_fee FROM subscriptions_profile_snapshots"
	field := func(name string, typ asof.ValueType) asof.Field {
		return asof.Field{Name: name, Type: asof.Scalar(typ)}
	}
	subs := &asof.DataSource{Name: "subs_profile", Kind: asof.SourcePostgres, Query: query, TimestampField: "as_of", Class: feastconv.PostgresClass}
	usage := &asof.DataSource{Name: "usage_agg_30d", Kind: asof.SourcePostgres, Table: "usage_agg_30d_snapshots",
		TimestampField: "as_of", CreatedField: "made", Class: feastconv.PostgresClass}
	days := 45 * 24 * time.Hour
	none := time.Duration(0)
	key := []asof.Field{field("user_id", asof.TypeString)}
	view := func(name string, source *asof.DataSource, ttl *time.Duration, features ...asof.Field) *asof.FeatureView {
		return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: key, Features: features,
			TTL: ttl, Source: source, Online: true, Enabled: true, Version: "latest"}
	}
	first := view("subs_profile_fv", subs, nil,
		field("months_active", asof.TypeInt64), field("monthly_fee", asof.TypeFloat32), field("paperless", asof.TypeBool))
	first.Tags = map[string]string{"owner": "mlops-course"}
	everybody := view("everybody_fv", usage, &none, field("skips_7d", asof.TypeInt64))
	everybody.Entities, everybody.EntityColumns = nil, nil
	want := []asof.Object{
		&asof.Project{Name: "streamflow"},
		&asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString},
		subs, usage, everybody, first, view("usage_agg_30d_fv", usage, &days, field("skips_7d", asof.TypeInt64)),
		&asof.FeatureService{Name: "churn", Projections: []asof.Projection{
			{View: "subs_profile_fv", Features: first.Features[1:2]},
			{View: "usage_agg_30d_fv", Features: everybody.Features},
			{View: "everybody_fv", Features: everybody.Features}}},
	}
	for registry, path := range map[string]string{"Feast's": path + ".feast", "ours": path} {
		got := definitions(snapshot(t, path, "streamflow"))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s is read as (-want +got):\n%s", registry, diff)
		}
	}
}

// useLocal lets Feast work on our registry: it finds nothing to change, serves
// the local template's on-demand view, and materializes. Our reader sees that,
// and Feast sees ours.
func useLocal(t *testing.T, dir, path string) {
	if changes := planned(t, dir); len(changes) > 0 {
		t.Errorf("Feast finds something to change in our registry: %q", changes)
	}
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	r := registryfile.Open(path, nil)
	if err := r.RecordMaterialization(t.Context(), "loc", "driver_hourly_stats_fresh", asof.Interval{From: day, To: day.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Online, Historical []float64 // conv_rate, val_to_add, their sum
		End                string
	}
	if err := json.Unmarshal(storetest.RunPython(t, readOnDemand, dir), &got); err != nil {
		t.Fatal(err)
	}
	for way, v := range map[string][]float64{"online": got.Online, "historical": got.Historical} {
		if len(v) != 3 || v[0] == 0 || math.Abs(v[0]+v[1]-v[2]) > 1e-6 {
			t.Errorf("%s: conv_rate %v", way, v)
		}
	}
	if want := "2024-01-01T01:00:00+00:00"; got.End != want {
		t.Errorf("Feast sees our materialization's end at %s, want %s", got.End, want)
	}
	v, err := snapshot(t, path, "loc").View("driver_hourly_stats")
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Intervals) != 1 || v.State != asof.StateAvailableOnline {
		t.Errorf("Feast's materialization is read as %v, state %d", v.Intervals, v.State)
	}
}

const readOnDemand = `
import json, sys
from datetime import datetime, timedelta
import pandas as pd
from feast import FeatureStore

stdout, sys.stdout = sys.stdout, sys.stderr # for what Feast prints
store = FeatureStore(sys.argv[1])
rows = pd.read_parquet(sys.argv[1] + "/data/driver_stats.parquet").dropna(subset=["conv_rate"])
last = rows.iloc[-1]
driver, at = int(last["driver_id"]), last["event_timestamp"].to_pydatetime()
store.materialize(at - timedelta(days=3), at + timedelta(days=1), feature_views=["driver_hourly_stats"])
refs = ["driver_hourly_stats:conv_rate", "transformed_conv_rate:conv_rate_plus_val1"]
online = store.get_online_features(refs, [{"driver_id": driver, "val_to_add": 1000, "val_to_add_2": 1}]).to_dict()
entities = pd.DataFrame({"driver_id": [driver], "event_timestamp": [at], "val_to_add": [2000], "val_to_add_2": [1]})
past = store.get_historical_features(entities, refs).to_df().iloc[0]
print(json.dumps({
    "Online": [online["conv_rate"][0], 1000, online["conv_rate_plus_val1"][0]],
    "Historical": [float(past["conv_rate"]), 2000, float(past["conv_rate_plus_val1"])],
    "End": store.get_feature_view("driver_hourly_stats_fresh").most_recent_end_time.isoformat(),
}), file=stdout)
`

// compareRegistries lists every object of two registries with the SDK, and
// prints the differences but for times, version ids and pickled functions.
const compareRegistries = `
import json, os, sys
os.chdir(sys.argv[1])
sys.path.insert(0, sys.argv[1])
from google.protobuf.json_format import MessageToDict
from feast.infra.registry.registry import Registry
from feast.repo_config import RegistryConfig, load_repo_config
from pathlib import Path

project = load_repo_config(Path("."), Path("feature_store.yaml")).project

def scrub(value):
    if isinstance(value, dict):
        return {k: scrub(v) for k, v in value.items() if k not in ("createdTimestamp", "lastUpdatedTimestamp", "body", "versionId")}
    return [scrub(v) for v in value] if isinstance(value, list) else value

def objects(path):
    registry = Registry(project, RegistryConfig(path=path), None)
    found = {}
    for kind in ["entities", "data_sources", "feature_views", "stream_feature_views", "on_demand_feature_views", "label_views",
                 "feature_services", "permissions", "saved_datasets", "validation_references"]:
        for o in getattr(registry, "list_" + kind)(project):
            found[kind, o.name] = o.to_proto()
            if "view" in kind:
                found["versions", o.name] = registry.list_feature_view_versions(o.name, project)
    found["project", project] = registry.get_project(project).to_proto()
    raw = registry.proto()
    found["raw", "schema"] = raw.registry_schema_version
    for kind in ["entities", "feature_views", "on_demand_feature_views", "feature_services", "projects", "label_views"]:
        for m in getattr(raw, kind):
            found["raw " + kind, m.spec.name] = m
    for m in raw.data_sources:
        found["raw data_sources", m.name] = m
    for r in raw.feature_view_version_history.records:
        found["raw versions", r.feature_view_name + str(r.version_number)] = r.feature_view_type + r.project_id
    return found

def plain(o):
    if hasattr(o, "DESCRIPTOR"):
        return scrub(MessageToDict(o, preserving_proto_field_name=False))
    if isinstance(o, list):
        return [{k: str(v) for k, v in version.items() if k not in ("created_timestamp", "version_id")} for version in o]
    return o

feasts, ours = objects(sys.argv[2]), objects(sys.argv[3])
differences = ["%s %s: only in %s" % (*key, "Feast's" if key in feasts else "ours") for key in set(feasts) ^ set(ours)]
for key in set(feasts) & set(ours):
    a, b = plain(feasts[key]), plain(ours[key])
    if a != b:
        differences.append("%s %s:\n Feast's %s\n ours    %s" % (*key, json.dumps(a, sort_keys=True), json.dumps(b, sort_keys=True)))
print(json.dumps(differences))
`

package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/doctor"
)

// config reads a configuration that a test writes down.
func config(t *testing.T, text string) *definition.Config {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "feature_store.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := definition.LoadConfig(dir, path)
	if err != nil {
		t.Fatal(err)
	}
	c.Path = "feature_store.yaml"
	return c
}

func at(line int) asof.Meta { return asof.Meta{Place: asof.Place{File: "features.py", Line: line}} }

// everything is a patient that has one of all that a report speaks of.
func everything(t *testing.T) *doctor.Patient {
	t.Helper()
	c := config(t, "project: shop\nregistry: data/registry.db\nprovider: gcp\nbatch_engine: spark.engine\nonline_store: sqlite\nauth:\n  type: oidc\n  auth_discovery_url: https://id.example.com\nonlin: x\n")
	day := 24 * time.Hour
	file := &asof.DataSource{Name: "file", Kind: asof.SourceFile, Path: "x.parquet", TimestampField: "at"}
	lake := &asof.DataSource{Name: "lake", Kind: asof.SourceOther, Class: "feast.infra.offline_stores.bigquery_source.BigQuerySource"}
	kafka := &asof.DataSource{Name: "kafka", Kind: asof.SourceKafka, Batch: file}
	view := func(name string, line int, change func(*asof.FeatureView)) *asof.FeatureView {
		v := &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Source: file, Online: true, Enabled: true, Meta: at(line),
			Features: []asof.Field{{Name: "f", Type: asof.Scalar(asof.TypeInt64)}}}
		change(v)
		return v
	}
	objects := []asof.Object{
		&asof.Entity{Name: "user", Meta: at(1)}, file, lake,
		view("aged", 10, func(v *asof.FeatureView) { v.TTL = &day; v.Features[0].Type = asof.Scalar(asof.TypeFloat32) }),
		view("lake", 20, func(v *asof.FeatureView) { v.Source = lake }),
		view("pushed", 30, func(v *asof.FeatureView) { v.Source = nil; v.Stream = &asof.DataSource{Kind: asof.SourcePush} }),
		view("stream", 40, func(v *asof.FeatureView) { v.Stream = kafka; v.Features[0].VectorIndex = true }),
		view("summed", 50, func(v *asof.FeatureView) { v.Aggregations = []asof.Aggregation{{Column: "f", Function: "sum"}} }),
		view("chained", 60, func(v *asof.FeatureView) { v.SourceViews = []string{"aged"} }),
		&asof.OnDemandFeatureView{Name: "runs", Meta: at(70)}, &asof.OnDemandFeatureView{Name: "needs_torch", Meta: at(80)},
		&asof.FeatureService{Name: "churn", Logging: []byte{1}, Precompute: true, Meta: at(90)},
	}
	registered := asof.NewSnapshot("1", time.Time{}, []asof.Object{&asof.Project{Name: "shop"}, &asof.Opaque{Kind: asof.KindPermission, Name: "readers"},
		&asof.Opaque{Kind: asof.KindSavedDataset, Name: "january"}, &asof.Opaque{Kind: asof.KindLabelView, Name: "labels"}})
	return &doctor.Patient{Config: c, Registered: registered,
		Defined: &definition.Result{Objects: objects, Skipped: []definition.Skipped{{File: "debug.py", Reason: "it opens a FeatureStore"}},
			Warnings: asof.Problems{{Place: asof.Place{File: "features.py", Line: 3}, Message: "set_option is not called"}}},
		Stores: []doctor.Store{
			{Role: "registry", Section: c.Registry, Place: c.Place("registry"), Says: ", with 6 feature views"},
			{Role: "offline store", Section: definition.Section{Type: "snowflake.offline"}, Unknown: true},
			{Role: "online store", Section: c.Online, Place: c.Place("online_store"), Err: errors.New("connection refused")},
		},
		Unplanned: asof.Problems{{Place: asof.Place{File: "features.py", Line: 10}, Message: "the source has no column f"}},
		Function: func(v *asof.OnDemandFeatureView) (string, bool) {
			return "on-demand feature view \"" + v.Name + "\" needs torch", v.Name == "runs"
		}}
}

// findings are a report's, a line each: the group, the message, the places.
func findings(r *doctor.Report) string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, string(f.Group)+" "+f.Message+" "+strings.Join(f.Places, "; "))
	}
	return strings.Join(lines, "\n")
}

func TestExamineSaysWhatBecomesOfEverything(t *testing.T) {
	r := doctor.Examine(everything(t))
	got := findings(r)
	for _, want := range []string{
		`works registry of type "file", with 6 feature views feature_store.yaml:2`,
		`fails offline store of type "snowflake.offline" is not one that this binary has: leave training data`,
		`fails online store of type "sqlite" does not answer: connection refused feature_store.yaml:5`,
		`differs provider "gcp"`, `differs batch_engine: materialization runs in this process`, `differs unknown key "onlin"`,
		`works auth of type "oidc"`, `works the definitions are read, without Python: 1 entity, 2 data sources, 6 feature views, 2 on demand feature views, 1 feature service`,
		`differs files that are no definitions are not run debug.py: it opens a FeatureStore`, `differs set_option is not called features.py:3`,
		`fails the source has no column f features.py:10`,
		`works feature views that are materialized, served and joined to training data features.py:10 aged; features.py:40 stream`,
		`fails feature views that read from a BigQuerySource, which no engine here reads`, `features.py:20 lake`,
		`fails feature views that read from no batch source`, `features.py:30 pushed`,
		`differs streams that are not consumed here`, `differs vectors are searched by reading and comparing every one of them`, `fails feature views that are computed by a function or by aggregations`, `features.py:50 summed`,
		`fails feature views that are computed from other views`, `features.py:60 chained`, `fails label views are kept and listed; nothing here reads or writes their labels registry: labels`,
		`works on-demand feature views whose functions run`, `features.py:70 runs`, `fails on-demand feature view "needs_torch" needs torch`, `features.py:80 needs_torch`,
		`differs feature services with logging`, `differs feature services that are precomputed`, `works permissions that are kept and listed registry: readers`,
		`works saved datasets and validation references`, `registry: january`,
		`differs values older than their ttl are marked OUTSIDE_MAX_AGE`, `differs the first materialize-incremental begins at the oldest row`, `differs Float32 features are float32`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no finding %q in\n%s", want, got)
		}
	}
	if !r.Blocked() || len(r.Next) != 3 || !strings.Contains(r.Next[1], "serve -p 6567") {
		t.Errorf("blocked %v, next %q", r.Blocked(), r.Next)
	}
	last := 0
	for _, f := range r.Findings {
		group := strings.Index("works differs fails", string(f.Group))
		if group < last {
			t.Fatalf("the groups are not in order:\n%s", got)
		}
		last = group
	}
}

// TestRowsOfDifferencesAreThere finds each row that a finding names in the page
// of differences.
func TestRowsOfDifferencesAreThere(t *testing.T) {
	page, err := os.ReadFile("../docs/differences-from-feast.md")
	if err != nil {
		t.Fatal(err)
	}
	patient := everything(t)
	seen := 0
	for _, offline := range []string{"dask", "postgres"} {
		patient.Config.Offline.Type = offline
		for _, f := range doctor.Examine(patient).Findings {
			section, row, named := strings.Cut(f.See, ": ")
			if !named {
				continue
			}
			seen++
			_, below, found := strings.Cut(string(page), "| **"+section+"** |")
			below, _, _ = strings.Cut(below, "| **")
			if !found || !strings.Contains(below, "\n| "+row+" |") {
				t.Errorf("docs/differences-from-feast.md has no row %q in section %q", row, section)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d findings name a row", seen)
	}
}

func TestExamineOfAWellRepositoryBlocksNothing(t *testing.T) {
	p := everything(t)
	p.Stores, p.Unplanned = p.Stores[:1], nil
	p.Defined.Objects, p.Defined.Skipped, p.Defined.Warnings = p.Defined.Objects[:4], nil, nil
	p.Registered = asof.NewSnapshot("", time.Time{}, nil)
	if r := doctor.Examine(p); r.Blocked() || !strings.Contains(strings.Join(r.Next, "\n"), "`apply` in a copy") {
		t.Errorf("blocked %v, next %q\n%s", r.Blocked(), r.Next, findings(r))
	}
	p.Defined, p.Unread, p.Registered = nil, asof.Problems{{Place: asof.Place{File: "f.py", Line: 7}, Message: "a class; run with --python"}}, nil
	r := doctor.Examine(p)
	if got := findings(r); !r.Blocked() || !strings.Contains(got, "fails a class; run with --python f.py:7") || len(r.Next) != 4 {
		t.Errorf("%q\n%s", r.Next, got)
	}
}

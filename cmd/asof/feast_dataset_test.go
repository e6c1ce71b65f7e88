package main

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

//go:embed testdata/save_datasets.py
var saveDatasets string

// TestSavedDatasets lists what Feast's create_saved_dataset left in a registry:
// one in a file, and one in a table of PostgreSQL.
func TestSavedDatasets(t *testing.T) {
	_, theirs := streamflow(t)
	storetest.RunFeastCommands(t, theirs, []string{"apply"})
	before := time.Now().Add(-time.Second)
	storetest.RunPython(t, saveDatasets, theirs)

	type line struct {
		Kind, Name, Storage     string
		Service                 string `json:"feature_service"`
		Features                []string
		JoinKeys                []string `json:"join_keys"`
		FullNames               bool     `json:"full_feature_names"`
		Created, Oldest, Newest time.Time
	}
	var got []line
	if err := json.Unmarshal(run(t, "asof", "-c", theirs, "dataset", "list", "--output", "json"), &got); err != nil {
		t.Fatal(err)
	}
	day := func(d int) time.Time { return time.Date(2024, 2, d, 0, 0, 0, 0, time.UTC) }
	want := []line{
		{Kind: "saved", Name: "of a service", Service: "two_fees", Storage: "table saved_fees", Features: []string{"subs_profile_fv:monthly_fee", "usage_agg_30d_fv:watch_hours_30d"},
			JoinKeys: []string{"user_id"}, FullNames: true, Oldest: day(10), Newest: day(11)},
		{Kind: "saved", Name: "ältere", Storage: "file /data/saved.parquet", Features: []string{"subs_profile_fv:monthly_fee"},
			JoinKeys: []string{"user_id"}, Oldest: day(10), Newest: day(11)},
	}
	for i := range got {
		if created := got[i].Created; created.Before(before) || created.After(time.Now()) {
			t.Errorf("%s was made at %s", got[i].Name, created)
		}
		got[i].Created = time.Time{}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}

	// A training set of ours stands in the same list, newest first.
	run(t, "asof", "-c", theirs, "get-historical-features", "--as-of", "2024-02-01", "-f", "subs_profile_fv:monthly_fee", "--to-table", "ours")
	table := string(run(t, "asof", "-c", theirs, "dataset", "list"))
	for _, pattern := range []string{`(?s)^KIND .*\nreceipt .*\nsaved .*\nsaved `,
		`(?m)^receipt +\S+ +table ours +there +\S+Z +300 +3 +user_id +1 feature +sha256:`,
		`(?m)^saved +of a service +table saved_fees +- +\S+Z +- +- +user_id +two_fees +-$`,
		`(?m)^saved +ältere +file /data/saved.parquet +- +\S+Z +- +- +user_id +1 feature +-$`} {
		if !regexp.MustCompile(pattern).MatchString(table) {
			t.Errorf("no %s in\n%s", pattern, table)
		}
	}
}

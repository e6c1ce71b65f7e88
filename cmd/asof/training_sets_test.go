package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof/storetest"
)

// TestTrainingSetsOnPostgres: the console hands out a set that is a table, and
// makes one of a snapshot's rows.
func TestTrainingSetsOnPostgres(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	for name, value := range settings(storetest.Postgres(t).Database(t)) {
		t.Setenv(name, value)
	}
	run(t, "asof", "init", dir, "-t", "streamflow")
	if err := os.Rename(filepath.Join(dir, "feature_store.postgres.yaml"), filepath.Join(dir, "feature_store.yaml")); err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "1")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", "-c", dir, "get-historical-features", "--as-of", "2024-01-31", "-f", "subs_profile_fv:monthly_fee", "--to-table", "all of january")
	root := "http://" + serveBy(t, dir, 1, "ui", "-p", "0")["console"]
	var list struct {
		Sets []struct{ ID, Table, State string } `json:"training_sets"`
	}
	if err := json.Unmarshal([]byte(fetch(t, root+"/training?format=json", http.StatusOK)), &list); err != nil || len(list.Sets) != 1 || list.Sets[0].Table != "all of january" || list.Sets[0].State != "there" {
		t.Fatalf("%+v, %v", list, err)
	}
	table := root + "/training/set/" + list.Sets[0].ID
	if page := fetch(t, table, http.StatusOK); strings.Count(page, "<td>2024-01-31</td>") != 50 {
		t.Errorf("the first rows:\n%s", page)
	}
	if csv := fetch(t, table+"/download?as=csv", http.StatusOK); strings.Count(csv, "\n") != 51 || !strings.HasPrefix(fetch(t, table+"/download?as=parquet", http.StatusOK), "PAR1") {
		t.Errorf("the table as CSV:\n%.300s", csv)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	form, err := browser.Get(root + "/training/new")
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(readAll(t, form))
	made, err := browser.PostForm(root+"/training/new", url.Values{"token": {token[1]}, "sure": {"yes"}, "name": {"january"}, "rows": {"snapshot:labels_snapshots:2024-01-31"},
		"features": {"subs_profile_fv:monthly_fee\nusage_agg_30d_fv:watch_hours_30d"}, "label": {"churn_label"}})
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, made)
	var job struct {
		State, Error, Set string
		Rows              int
	}
	for job.State = "running"; job.State == "running"; time.Sleep(20 * time.Millisecond) {
		if err := json.Unmarshal([]byte(fetch(t, made.Request.URL.String()+"?format=json", http.StatusOK)), &job); err != nil {
			t.Fatal(err)
		}
	}
	if job.State != "done" || job.Rows != 50 {
		t.Fatalf("%+v", job)
	}
	if csv := fetch(t, root+"/training/set/"+job.Set+"/download?as=csv", http.StatusOK); !strings.HasPrefix(csv, "user_id,event_timestamp,monthly_fee,watch_hours_30d,churn_label\n") || strings.Count(csv, ",2024-01-31,") != 50 {
		t.Errorf("the set as CSV:\n%.300s", csv)
	}
}

func readAll(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", answer.Request.URL, answer.StatusCode, text, err)
	}
	return string(text)
}

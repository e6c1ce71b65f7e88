package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/storetest"
)

// postgresTemplate makes the repository of `feast init -t postgres` from the
// installed package, with its registry, stores and table in a new database.
func postgresTemplate(t *testing.T) string {
	t.Helper()
	db := storetest.Postgres(t).Database(t)
	conn, err := pgx.Connect(t.Context(), db.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE feast_driver_hourly_stats AS
		SELECT now() - h * interval '1 hour' AS event_timestamp, d::bigint AS driver_id, d / 2000.0::float8 AS conv_rate,
			0.5::float8 AS acc_rate, h::int AS avg_daily_trips, now() AS created
		FROM generate_series(1, 24) h, unnest(ARRAY[1001, 1002]) d`); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(storetest.FeastPython(t)), "../lib/python3*/site-packages/feast/templates/postgres/feature_repo"))
	if err != nil || len(found) != 1 {
		t.Fatalf("Feast's postgres template: %v, %v", found, err)
	}
	dir := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(dir, os.DirFS(found[0])); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "feature_store.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.SplitN(string(text), "online_store:", 2) // a password is escaped in the registry's URL alone
	fill := func(section, password string) string {
		return strings.NewReplacer("DB_HOST", db.Host, "DB_PORT", strconv.Itoa(db.Port), "DB_NAME", db.Name, "DB_SCHEMA", "public",
			"DB_USERNAME", db.User, "DB_PASSWORD", password, "DB_SSLMODE", "disable").Replace(section)
	}
	filled := fill(sections[0], url.QueryEscape(db.Password)) + "online_store:" + fill(sections[1], strconv.Quote(db.Password))
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPostgresTemplate applies Feast's postgres template to a SQL registry that
// Feast and asof share.
func TestPostgresTemplate(t *testing.T) {
	dir := postgresTemplate(t)
	run(t, "asof", "-c", dir, "apply")
	out := storetest.RunFeastCommands(t, dir, []string{"feature-views", "list"}, []string{"on-demand-feature-views", "list"},
		[]string{"feature-services", "list"}, []string{"apply"})
	for i, want := range []string{"driver_hourly_stats_fresh", "transformed_conv_rate", "driver_activity_v3"} {
		if !strings.Contains(out[i], want) {
			t.Errorf("Feast does not list %s in our registry:\n%s", want, out[i])
		}
	}
	if plan := string(run(t, "asof", "-c", dir, "plan")); !strings.Contains(plan, "No changes to registry") {
		t.Errorf("after Feast's apply the plan is:\n%s", plan)
	}
	run(t, "asof", "-c", dir, "materialize-incremental", "2100-01-01")
	online := run(t, "asof", "-c", dir, "get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:avg_daily_trips", "--output", "table")
	if got := strings.Fields(string(online)); len(got) != 4 || got[2] != "1001" || got[3] != "1" {
		t.Errorf("online:\n%s", online)
	}
	run(t, "asof", "-c", dir, "teardown")
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "-c", dir, "feature-views", "list").CombinedOutput(); err == nil || !strings.Contains(string(out), "apply") {
		t.Errorf("after teardown: %v\n%s", err, out)
	}
}

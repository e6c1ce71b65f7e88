package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/storetest"
)

// filling is a repository with one view of users whose Parquet file has rows of
// several times for each.
type filling struct {
	dir   string
	users int
	exec  func(t *testing.T, statement string) // in the online store's database, with {KEY} for the entity key of x1
}

// fillings runs a test on both set-ups: SQLite, and PostgreSQL with its ledger.
func fillings(t *testing.T, users int, test func(t *testing.T, f filling)) {
	const keyOfX1 = "0100000002000000" + "07000000757365725f6964" + "02000000" + "02000000" + "7831"
	t.Run("sqlite", func(t *testing.T) {
		f := newFilling(t, users, "online_store:\n  type: sqlite\n  path: data/online.db\n")
		f.exec = func(t *testing.T, statement string) {
			t.Helper()
			db, err := sql.Open("sqlite", filepath.Join(f.dir, "data", "online.db"))
			if err == nil {
				_, err = db.Exec(strings.ReplaceAll(statement, "{KEY}", "x'"+keyOfX1+"'"))
			}
			if err = errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
		}
		test(t, f)
	})
	t.Run("postgres", func(t *testing.T) {
		d := storetest.Postgres(t).Database(t)
		f := newFilling(t, users, fmt.Sprintf("online_store:\n  type: postgres\n  host: %s\n  port: %d\n  database: %s\n  user: %s\n  password: %q\n  sslmode: prefer\n",
			d.Host, d.Port, d.Name, d.User, d.Password))
		f.exec = func(t *testing.T, statement string) {
			t.Helper()
			conn, err := pgx.Connect(t.Context(), d.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if _, err := conn.Exec(t.Context(), strings.ReplaceAll(statement, "{KEY}", `'\x`+keyOfX1+`'`)); err != nil {
				t.Fatal(err)
			}
		}
		test(t, f)
	})
}

func newFilling(t *testing.T, users int, online string) filling {
	t.Helper()
	f := filling{dir: t.TempDir(), users: users}
	for name, text := range map[string]string{
		"feature_store.yaml": "project: shop\nregistry: data/registry.db\nprovider: local\noffline_store: duckdb\nentity_key_serialization_version: 3\n" + online,
		"features.py": `from feast import Entity, FeatureView, Field, FileSource
from feast.types import Int64, String
user = Entity(name="user", join_keys=["user_id"])
orders = FeatureView(name="orders", entities=[user], ttl=None,
    source=FileSource(name="orders", path="orders.parquet", timestamp_field="at", created_timestamp_column="made"),
    schema=[Field(name="total", dtype=Int64), Field(name="city", dtype=String)])
`} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.source(t, 3)
	run(t, "asof", "-c", f.dir, "apply")
	return f
}

// source writes the view's file: for each user a row on each of the days, and
// the rows of more, a SELECT.
func (f filling) source(t *testing.T, days int, more ...string) {
	t.Helper()
	storetest.RunPython(t, `
import sys, duckdb
rows = f"""SELECT 'u' || u AS user_id, TIMESTAMP '2024-01-01' + INTERVAL 1 DAY * d AS at, TIMESTAMP '2024-01-01' + INTERVAL 1 DAY * d AS made,
	u * 100 + d AS total, 'city ' || (u % 97) AS city FROM range({sys.argv[2]}) AS u(u), range({sys.argv[3]}) AS d(d)"""
duckdb.sql(f"COPY ({' UNION ALL '.join([rows] + sys.argv[4:])}) TO '{sys.argv[1]}/orders.parquet'")
`, append([]string{f.dir, strconv.Itoa(f.users), strconv.Itoa(days)}, more...)...)
}

// start starts a run of materialize-incremental as a process of its own.
func (f filling) start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-c", f.dir, "materialize-incremental", "2024-02-01"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// entries are the ledger's states, newest first.
func (f filling) entries(t *testing.T) (states []string, written []int) {
	t.Helper()
	var list []struct {
		State   string `json:"state"`
		Written int    `json:"keys_written"`
	}
	if err := json.Unmarshal(run(t, "asof", "-c", f.dir, "materializations", "--output", "json"), &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		states, written = append(states, e.State), append(written, e.Written)
	}
	return states, written
}

// verified checks that all that is online is the point-in-time answer.
func (f filling) verified(t *testing.T) {
	t.Helper()
	if got, want := f.verify(t), fmt.Sprintf("%d keys map[]", f.users); got != want {
		t.Errorf("asof verify: %s, want %s", got, want)
	}
}

// verify runs asof verify, and returns how many keys it compared and the causes
// of those that differ; its exit code has to agree.
func (f filling) verify(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", f.dir, "verify", "--output", "json")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	failed := cmd.Run() != nil
	var list []struct {
		Keys   int            `json:"keys"`
		Causes map[string]int `json:"causes"`
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list) != 1 {
		t.Fatalf("asof verify: %v\n%s%s", err, out.Bytes(), errs.Bytes())
	}
	if failed != (len(list[0].Causes) > 0) {
		t.Errorf("it failed: %t, with %v\n%s", failed, list[0].Causes, errs.Bytes())
	}
	return fmt.Sprintf("%d keys %v", list[0].Keys, list[0].Causes)
}

// edit replaces text in a file of the repository.
func (f filling) edit(t *testing.T, file, old, new string) {
	t.Helper()
	path := filepath.Join(f.dir, file)
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q (%v)", file, old, err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVerify seeds each cause by which a store differs from its sources, and
// has it found.
func TestVerify(t *testing.T) {
	fillings(t, 20, func(t *testing.T, f filling) {
		says := func(want string) {
			t.Helper()
			if got := f.verify(t); got != want {
				t.Errorf("asof verify: %s, want %s", got, want)
			}
		}
		says("20 keys map[never loaded:20]")
		run(t, "asof", "-c", f.dir, "materialize-incremental", "2024-02-01")
		says("20 keys map[]")
		f.source(t, 3,
			"SELECT 'u1', TIMESTAMP '2024-01-04', TIMESTAMP '2024-01-04', 1, 'older'",
			"SELECT 'u2', TIMESTAMP '2024-01-03', TIMESTAMP '2100-01-01', 2, 'late'",
			"SELECT 'u20', TIMESTAMP '2024-01-02', TIMESTAMP '2024-01-02', 3, 'new'")
		f.exec(t, "UPDATE asof_online_1 SET row = (SELECT row FROM asof_online_1 ORDER BY entity_key LIMIT 1) WHERE entity_key = (SELECT entity_key FROM asof_online_1 ORDER BY entity_key DESC LIMIT 1)")
		f.exec(t, "INSERT INTO asof_online_1 SELECT {KEY}, event_us, created_us, row FROM asof_online_1 LIMIT 1")
		says("22 keys map[foreign write:2 late row:1 never loaded:1 older row:1]")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-01", "2024-02-01")
		says("22 keys map[foreign write:1]")
		f.exec(t, "DELETE FROM asof_online_1 WHERE entity_key = {KEY}")
		says("21 keys map[]")

		f.edit(t, "features.py", "ttl=None", "ttl=timedelta(days=28)")
		f.edit(t, "features.py", "from feast import", "from datetime import timedelta\nfrom feast import")
		run(t, "asof", "-c", f.dir, "apply")
		says("21 keys map[expired:20]") // all but that of 4 January
		f.edit(t, "feature_store.yaml", "project: shop", "project: shop\nasof:\n  on_expired: drop")
		says("21 keys map[]")
		f.edit(t, "features.py", "ttl=timedelta(days=28)", "ttl=None")
		f.edit(t, "features.py", "dtype=Int64", "dtype=String")
		run(t, "asof", "-c", f.dir, "apply", "--retype")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-04", "2024-02-01")
		says("21 keys map[type:20]")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-01", "2024-02-01")
		says("21 keys map[]")
	})
}

// TestMaterializeKilled kills runs (SIGKILL) at random moments and runs again:
// what is online is the point-in-time answer, and the ledger has one finished
// run that wrote every key.
func TestMaterializeKilled(t *testing.T) {
	const users = 100_000
	fillings(t, users, func(t *testing.T, f filling) {
		started := time.Now()
		whole, out := f.start(t, "--dry-run")
		if err := whole.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		reading := time.Since(started)
		killed := 0
		for round := range 6 {
			cmd, out := f.start(t)
			time.Sleep(reading/2 + time.Duration(rand.Int64N(int64(reading)+int64(round)*int64(reading)/4)))
			_ = cmd.Process.Kill() // it may have ended by itself
			if cmd.Wait() == nil {
				f.verified(t)
				continue
			}
			if killed++; strings.Contains(out.String(), "asof:") {
				t.Errorf("a run after a killed one: %s", out)
			}
		}
		if killed == 0 {
			t.Fatal("no run was killed before its end")
		}
		cmd, out := f.start(t)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		f.verified(t)
		states, written := f.entries(t)
		if states[0] != "done" {
			t.Errorf("the newest run is %q", states[0])
		}
		full := 0
		for i, s := range states {
			if s == "done" && written[i] == users {
				full++
			}
		}
		if full != 1 {
			t.Errorf("%d finished runs wrote every key, want 1: %v %v", full, states, written)
		}
	})
}

// TestMaterializeTwice starts runs while one is at work, held up half-way: one
// refuses, one waits and finds nothing left to do.
func TestMaterializeTwice(t *testing.T) {
	fillings(t, 250_000, func(t *testing.T, f filling) {
		first, one := f.start(t)
		for states := []string(nil); len(states) == 0; {
			states, _ = f.entries(t)
		}
		if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if states, _ := f.entries(t); states[0] != "not finished" {
			t.Fatalf("the first run is %q already: give it more to do", states[0])
		}
		refused, said := f.start(t, "--no-wait")
		if refused.Wait() == nil || !strings.Contains(said.String(), `another run materializes feature view "orders"`) {
			t.Errorf("a run that does not wait: %s", said)
		}
		second, two := f.start(t)
		time.Sleep(200 * time.Millisecond)
		if err := first.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		for _, cmd := range []*exec.Cmd{first, second} {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s%s", err, one, two)
			}
		}
		if _, written := f.entries(t); len(written) != 2 || written[0] != 0 || written[1] != f.users || !strings.Contains(two.String(), "it waited for another run") {
			t.Errorf("the two runs wrote %v keys, want %d and then none\n%s", written, f.users, two)
		}
		f.verified(t)
	})
}

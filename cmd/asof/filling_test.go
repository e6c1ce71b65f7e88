package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// filling is a repository with one view of users whose Parquet file has rows of
// several times for each, and its online store.
type filling struct {
	place
	dir   string
	users int
}

// fillings runs a test on both set-ups: SQLite, and PostgreSQL with its ledger.
func fillings(t *testing.T, users int, test func(t *testing.T, f filling)) {
	fillingsIn(t, users, test, inSQLite, inPostgres)
}

// fillingsIn runs a test with each kind of online store.
func fillingsIn(t *testing.T, users int, test func(t *testing.T, f filling), kinds ...kind) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, newFilling(t, users, k.make(t))) })
	}
}

func newFilling(t *testing.T, users int, p place) filling {
	t.Helper()
	f := filling{place: p, dir: t.TempDir(), users: users}
	for name, text := range map[string]string{
		"feature_store.yaml": "project: shop\nregistry: data/registry.db\nprovider: local\noffline_store: duckdb\nentity_key_serialization_version: 3\n" + p.settings,
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

// copied is the repository with its store as they are, in another place.
func (f filling) copied(t *testing.T) filling {
	t.Helper()
	c := filling{place: f.copy(t), dir: t.TempDir(), users: f.users}
	if err := os.CopyFS(c.dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	if c.settings != f.settings {
		c.edit(t, "feature_store.yaml", f.settings, c.settings)
	}
	return c
}

// view is the view as it is applied first.
var ordersView = &asof.FeatureView{Name: "orders", Online: true, Enabled: true, Entities: []string{"user"},
	EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Scalar(asof.TypeString)}},
	Features:      []asof.Field{{Name: "total", Type: asof.Scalar(asof.TypeInt64)}, {Name: "city", Type: asof.Scalar(asof.TypeString)}}}

// within runs do with the online store, as another process.
func (f filling) within(t *testing.T, do func(store opened) error) {
	t.Helper()
	store := f.open(t, f.dir)
	if err := errors.Join(do(store), store.Close()); err != nil {
		t.Fatal(err)
	}
}

// restore puts rows, a JSON list, and removes the rows of users from the store.
func (f filling) restore(t *testing.T, rows string, remove ...string) {
	t.Helper()
	key := arrow.Field{Name: "user_id", Type: arrow.BinaryTypes.String}
	users, err := json.Marshal(remove)
	if err != nil {
		t.Fatal(err)
	}
	batch := func(text string, fields ...arrow.Field) arrow.RecordBatch {
		b, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	gone := strings.NewReplacer("[", "[{\"user_id\":", ",", "},{\"user_id\":", "]", "}]").Replace(string(users))
	set := batch(rows, key, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp}, arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true},
		arrow.Field{Name: "total", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true})
	f.within(t, func(store opened) error {
		return store.Restore(t.Context(), "shop", ordersView, set, batch(gone, key))
	})
}

// online is all that the store holds of a view, a line a key; nothing where it
// does not know the view.
func (f filling) online(t *testing.T, v *asof.FeatureView) (lines []string) {
	t.Helper()
	r := &asof.Reading{View: v, Features: v.FeatureNames()}
	f.within(t, func(store opened) error {
		err := store.Keys(t.Context(), "shop", v, func(keys [][]byte) error {
			for _, key := range keys {
				r.Keys = append(r.Keys, bytes.Clone(key))
			}
			return nil
		})
		if asof.ErrorCode(err) == asof.CodeNotFound {
			return nil
		}
		return errors.Join(err, store.Read(t.Context(), "shop", []*asof.Reading{r}))
	})
	for i, key := range r.Keys {
		line := hex.EncodeToString(key) + " " + strconv.FormatInt(r.Events[i], 10)
		for c, name := range r.Features {
			line += fmt.Sprintf(" %s=%x", name, r.Value(c, i))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// source writes the view's file: for each user a row on each of the days, and
// the rows of more, a SELECT.
func (f filling) source(t *testing.T, days int, more ...string) {
	t.Helper()
	storetest.RunPython(t, `
import sys, duckdb
rows = f"""SELECT 'u' || u AS user_id, TIMESTAMP '2024-01-01 00:00:00.25' + INTERVAL 1 DAY * d AS at, TIMESTAMP '2024-01-01' + INTERVAL 1 DAY * d AS made,
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

// ledgered are the ledger's entries, newest first.
func (f filling) ledgered(t *testing.T) (entries []asof.Materialization) {
	t.Helper()
	f.within(t, func(store opened) (err error) {
		entries, err = store.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "shop"})
		return err
	})
	return entries
}

// registered is the project as its registry has it.
func (f filling) registered(t *testing.T) *asof.Snapshot {
	t.Helper()
	snapshot, err := registryfile.Open(filepath.Join(f.dir, "data", "registry.db"), nil).Snapshot(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// filled is what runs have left: online, in the ledger and in the registry.
// Runs that found nothing to do, or did not end, are nothing.
func (f filling) filled(t *testing.T) []string {
	t.Helper()
	lines := f.online(t, ordersView)
	for _, m := range f.ledgered(t) {
		if m.Done() && m.Written > 0 {
			lines = append(lines, fmt.Sprint(m.Written, " keys of ", m.Span))
		}
	}
	return append(lines, fmt.Sprint(f.registered(t).Views()[0].Intervals))
}

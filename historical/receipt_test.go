package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

// put gives the request's store a table.
func put(t *testing.T, r historical.Request, name string, fields []arrow.Field, json string) {
	t.Helper()
	rows := batch(t, fields, json)
	defer rows.Release()
	r.Store.(interface {
		Put(string, arrow.RecordBatch)
	}).Put(name, rows)
}

// putLate makes a table in which a row was created after its event.
func putLate(t *testing.T, r historical.Request) {
	put(t, r, "late", columns("user_id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32, "loaded", arrow.FixedWidthTypes.Date32, "n", arrow.PrimitiveTypes.Int64),
		`[{"user_id": "a", "as_of": "2024-01-29", "loaded": "2024-01-30", "n": 1}, {"user_id": "a", "as_of": "2024-01-30", "loaded": "2024-02-01", "n": 2},
		  {"user_id": "a", "as_of": "2024-01-30", "loaded": null, "n": 9}, {"user_id": "a", "as_of": "2024-03-01", "loaded": "2024-03-01", "n": 4}]`)
}

// receipted runs a request into a file with a receipt, in a repository of its own.
func receipted(t *testing.T, r historical.Request) (historical.Request, *receipt.Receipt) {
	t.Helper()
	r.Dir = t.TempDir()
	r.Receipts, r.Version = receipt.Folder(filepath.Join(r.Dir, "data", "datasets")), "1.0"
	r.Output = filepath.Join(r.Dir, "out.parquet")
	if text := r.Entities.Path; text != "" {
		r.Entities.Path = filepath.Join(r.Dir, "users.csv")
		if err := os.WriteFile(r.Entities.Path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r = request(t, r)
	result, err := historical.Run(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := receipt.Read(r.Output + receipt.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := r.Receipts.Find(result.Receipt.ID[:12])
	if d := cmp.Diff(beside, kept); d != "" || err != nil {
		t.Errorf("the copy: %v %s", err, d)
	}
	if d := cmp.Diff(beside, result.Receipt); d != "" {
		t.Errorf("read back: %s", d)
	}
	return r, beside
}

func TestReceipt(t *testing.T) {
	_, got := receipted(t, historical.Request{References: training[:1], Label: "churn_label", Entities: historical.Entities{Path: january}})
	if got.Format != 1 || got.Asof != "1.0" || got.Project != "streamflow" || got.Output != "out.parquet" || got.Finished.Before(got.Started) {
		t.Errorf("%+v", got)
	}
	want := receipt.Request{Features: training[:1], Label: "churn_label", Entities: receipt.Entities{Path: "users.csv"}}
	if d := cmp.Diff(want, got.Request); d != "" {
		t.Error(d)
	}
	day := func(month time.Month, d int) time.Time { return time.Date(2024, month, d, 0, 0, 0, 0, time.UTC) }
	if d := cmp.Diff([]receipt.Source{{Name: "subscriptions", Rows: 3, Oldest: day(1, 31), Newest: day(2, 29)}}, got.Sources); d != "" {
		t.Error(d)
	}
	if got.Entity == got.Content || len(got.Columns) == 0 || got.Columns[len(got.Columns)-1].Name != "churn_label" {
		t.Errorf("%+v", got.Columns)
	}
}

// Every kind of entity rows is read again, and every format has one content.
func TestReproduce(t *testing.T) {
	from, at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 10, 0, 0, 0, 0, time.UTC)
	for name, entities := range map[string]historical.Entities{
		"file": {Path: january}, "sql": {SQL: "SELECT labels"}, "json": {JSON: `[{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31"}]`},
		"span": {Events: &asof.Events{From: from, To: at}}, "to": {Events: &asof.Events{To: at}}, "at": {Events: &asof.Events{At: at}},
	} {
		t.Run(name, func(t *testing.T) {
			r, old := receipted(t, historical.Request{References: []string{"subs:months_active", "usage:watch_hours_30d"}, FullNames: true, Entities: entities})
			for _, out := range []string{"", "again.csv", "again.arrow"} {
				again := request(t, historical.Request{Dir: r.Dir, Version: "1.0", Progress: nil})
				if again.Output = out; out != "" {
					again.Output = filepath.Join(r.Dir, out)
				}
				now, changes, err := historical.Reproduce(context.Background(), again, old)
				if err != nil || now.Content != old.Content || now.Rows == 0 || len(changes) > 0 {
					t.Errorf("to %q: %v, %v, %v", out, now, changes, err)
				}
				if out != "" && now.Output != out {
					t.Errorf("the receipt of %s says %s", out, now.Output)
				}
			}
		})
	}
}

// What has changed is named: the cause first, then the columns.
func TestReproduceNamesChanges(t *testing.T) {
	ask := historical.Request{References: []string{"subs:months_active", "usage:watch_hours_30d"}, Entities: historical.Entities{Path: "user_id,event_timestamp\n3413-BMNZE,2024-03-31\n"}}
	for name, c := range map[string]struct {
		change func(t *testing.T, r *historical.Request)
		same   bool
		want   []string
	}{
		"nothing": {func(*testing.T, *historical.Request) {}, true, nil},
		"version": {func(_ *testing.T, r *historical.Request) { r.Version = "1.1" }, true, []string{"asof is 1.1, and was 1.0"}},
		"definition": {func(_ *testing.T, r *historical.Request) {
			changed := view("subs", "subscriptions", userKey, field("months_active", asof.TypeInt32), field("monthly_fee", asof.TypeFloat32))
			changed.TTL = new(24 * time.Hour)
			r.Snapshot = project(changed)
		}, false, []string{
			`feature view "subs": its ttl is 24h0m0s, and was none`,
			`feature view "subs": its features is months_active = months_active, Int32, and was months_active = months_active, Int64`,
			`feature view "subs": its order of features is months_active, monthly_fee, and was months_active, monthly_fee, paperless_billing, net_service`,
			`column "months_active" is int32, and was int64`}},
		"query": {func(t *testing.T, r *historical.Request) {
			put(t, *r, "secret", tables["subscriptions"].schema, tables["subscriptions"].rows)
			changed := view("subs", "secret", userKey, field("months_active", asof.TypeInt64), field("monthly_fee", asof.TypeFloat32),
				field("paperless_billing", asof.TypeBool), field("net_service", asof.TypeString))
			changed.Source.Name = "subscriptions"
			r.Snapshot = project(changed)
		}, true, []string{`feature view "subs": its source "subscriptions" reads another file, table or query`}},
		"source rows": {func(t *testing.T, r *historical.Request) {
			rows := strings.TrimSuffix(tables["subscriptions"].rows, "]") + `,{"user_id": "3413-BMNZE", "as_of": "2024-03-31", "months_active": 3}]`
			put(t, *r, "subscriptions", tables["subscriptions"].schema, rows)
		}, false, []string{`source "subscriptions" holds 4 rows from 2024-01-31T00:00:00Z to 2024-03-31T00:00:00Z, and held 3 rows from 2024-01-31T00:00:00Z to 2024-02-29T00:00:00Z`,
			`values differ in "months_active"`}},
		"a value in place": {func(t *testing.T, r *historical.Request) {
			put(t, *r, "subscriptions", tables["subscriptions"].schema, strings.Replace(tables["subscriptions"].rows, `"months_active": 2`, `"months_active": 5`, 1))
		}, false, []string{`values differ in "months_active"`}},
		"entity rows": {func(t *testing.T, r *historical.Request) {
			if err := os.WriteFile(filepath.Join(r.Dir, "users.csv"), []byte("user_id,event_timestamp\nx,2024-03-31\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, false, []string{"the entity rows are others: 1 rows, and 1 before", `values differ in "user_id", "months_active", "watch_hours_30d"`}},
	} {
		t.Run(name, func(t *testing.T) {
			r, old := receipted(t, ask)
			again := request(t, historical.Request{Dir: r.Dir, Version: "1.0"})
			c.change(t, &again)
			now, changes, err := historical.Reproduce(context.Background(), again, old)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, changes); d != "" {
				t.Error(d)
			}
			if (now.Content == old.Content) != c.same {
				t.Errorf("the content is the same: %v", !c.same)
			}
		})
	}
	r, old := receipted(t, ask)
	old.Request.Features = []string{"subs:months"}
	if _, _, err := historical.Reproduce(context.Background(), request(t, historical.Request{Dir: r.Dir}), old); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a feature that is gone: %v", err)
	}
}

package sample_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sample"
	"github.com/asof-dev/asof/storetest"
)

var fileNames = []string{
	"users.csv", "subscriptions.csv", "usage_agg_30d.csv",
	"payments_agg_90d.csv", "support_agg_90d.csv", "labels.csv",
}

// streamFlow makes data in a new folder.
func streamFlow(t *testing.T, o sample.Options) []sample.Month {
	t.Helper()
	months, err := sample.StreamFlow(t.Context(), filepath.Join(t.TempDir(), "seeds"), o)
	if err != nil {
		t.Fatal(err)
	}
	return months
}

// table is a CSV file: its rows by column name.
type table struct {
	header []string
	rows   [][]string
}

func readTable(t *testing.T, path string) table {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table{header: records[0], rows: records[1:]}
}

func (tab table) column(t *testing.T, name string) []string {
	t.Helper()
	for i, h := range tab.header {
		if h == name {
			values := make([]string, len(tab.rows))
			for r, row := range tab.rows {
				values[r] = row[i]
			}
			return values
		}
	}
	t.Fatalf("no column %s in %v", name, tab.header)
	return nil
}

func (tab table) numbers(t *testing.T, name string) []float64 {
	t.Helper()
	var numbers []float64
	for _, text := range tab.column(t, name) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		numbers = append(numbers, v)
	}
	return numbers
}

func counts(values []string) map[string]int {
	n := map[string]int{}
	for _, v := range values {
		n[v]++
	}
	return n
}

func TestKnownUser(t *testing.T) {
	for _, o := range []sample.Options{{}, {Seed: 7}, {Users: 1}, {Users: 100, Seed: 3}} {
		months := streamFlow(t, o)
		want := [][]string{
			{"3413-BMNZE", "1", "False", "False", "Month-to-month", "False", "45.25", "45.25", "DSL"},
			{"32.0919931169304", "32.0431934762757"},
		}
		for m, month := range months {
			subscription := readTable(t, filepath.Join(month.Dir, "subscriptions.csv")).rows[0]
			if diff := cmp.Diff(want[0], subscription); diff != "" {
				t.Errorf("%+v, %s: %s", o, month.Name, diff)
			}
			usage := readTable(t, filepath.Join(month.Dir, "usage_agg_30d.csv")).rows[0]
			if usage[0] != "3413-BMNZE" || usage[1] != want[1][m] {
				t.Errorf("%+v, %s: usage %v, want watch_hours_30d %s", o, month.Name, usage, want[1][m])
			}
		}
	}
}

func TestUserIDs(t *testing.T) {
	id := regexp.MustCompile(`^\d{4}-[A-Z]{5}$`)
	month := streamFlow(t, sample.Options{Users: 50_000, Months: 1})[0]
	users := readTable(t, filepath.Join(month.Dir, "users.csv")).column(t, "user_id")
	seen := map[string]bool{}
	for _, u := range users {
		if !id.MatchString(u) || seen[u] {
			t.Fatalf("user_id %q is malformed or comes twice", u)
		}
		seen[u] = true
	}
	if len(seen) != 50_000 {
		t.Errorf("%d users, want 50000", len(seen))
	}
	for _, name := range fileNames {
		if diff := cmp.Diff(users, readTable(t, filepath.Join(month.Dir, name)).column(t, "user_id")); diff != "" {
			t.Fatalf("%s has other users than users.csv", name)
		}
	}
}

func TestShares(t *testing.T) {
	month := streamFlow(t, sample.Options{})[0]
	subs := readTable(t, filepath.Join(month.Dir, "subscriptions.csv"))
	if diff := cmp.Diff(map[string]int{"Fiber optic": 3096, "DSL": 2421, "No": 1526}, counts(subs.column(t, "net_service"))); diff != "" {
		t.Error("net_service:", diff)
	}
	if diff := cmp.Diff(map[string]int{"Month-to-month": 3875, "Two year": 1695, "One year": 1473}, counts(subs.column(t, "contract_type"))); diff != "" {
		t.Error("contract_type:", diff)
	}
	service := subs.column(t, "net_service")
	for _, name := range []string{"plan_stream_tv", "plan_stream_movies"} {
		column := subs.column(t, name)
		for i, v := range column {
			if (v == "") != (service[i] == "No") {
				t.Fatalf("row %d: %s is %q with net_service %s", i, name, v, service[i])
			}
		}
		if n := counts(column); n[""] != 1526 || n["True"]+n["False"] != 7043-1526 || n["True"] < 2500 || n["True"] > 2950 {
			t.Errorf("%s: %v", name, n)
		}
	}
	// Other sizes keep the shares.
	small := streamFlow(t, sample.Options{Users: 1000})[0]
	n := counts(readTable(t, filepath.Join(small.Dir, "subscriptions.csv")).column(t, "plan_stream_tv"))
	if n[""] != 216 && n[""] != 217 {
		t.Errorf("%d of 1000 users without internet service, want 1526/7043 of them", n[""])
	}
}

func TestRanges(t *testing.T) {
	for _, month := range streamFlow(t, sample.Options{Seed: 11, Users: 20_000}) {
		for _, c := range []struct {
			file, column               string
			low, high, mean, tolerance float64
		}{
			{"subscriptions.csv", "months_active", 0, 72, 32.4, 1},
			{"subscriptions.csv", "monthly_fee", 18.25, 118.75, 64.8, 1},
			{"subscriptions.csv", "total_paid", 0, 8684.80, 2280, 120},
			{"usage_agg_30d.csv", "watch_hours_30d", 5.7, 51.7, 29.6, 0.3},
			{"usage_agg_30d.csv", "avg_session_mins_7d", 29.14104464084511, 29.14104464084511, 29.14104464084511, 1e-9},
			{"usage_agg_30d.csv", "unique_devices_30d", 1, 3, 2, 0.05},
			{"usage_agg_30d.csv", "skips_7d", 0, 14, 5, 0.1},
			{"usage_agg_30d.csv", "rebuffer_events_7d", 0, 10, 2.3, 0.05},
			{"payments_agg_90d.csv", "failed_payments_90d", 0, 3, 0.16, 0.02},
			{"support_agg_90d.csv", "support_tickets_90d", 0, 4, 0.3, 0.02},
			{"support_agg_90d.csv", "ticket_avg_resolution_hrs_90d", 1, 24.9, 10, 0.2},
		} {
			numbers := readTable(t, filepath.Join(month.Dir, c.file)).numbers(t, c.column)
			low, high, sum := math.Inf(1), math.Inf(-1), 0.0
			for _, v := range numbers {
				low, high, sum = min(low, v), max(high, v), sum+v
			}
			if low < c.low || high > c.high {
				t.Errorf("%s %s: %v to %v, want within %v to %v", month.Name, c.column, low, high, c.low, c.high)
			}
			if mean := sum / float64(len(numbers)); math.Abs(mean-c.mean) > c.tolerance {
				t.Errorf("%s %s: mean %v, want %v ± %v", month.Name, c.column, mean, c.mean, c.tolerance)
			}
		}
	}
}

func TestLabelsAndTexts(t *testing.T) {
	months := streamFlow(t, sample.Options{Users: 50_000})
	for m, want := range []float64{0.265, 0.242} {
		n := counts(readTable(t, filepath.Join(months[m].Dir, "labels.csv")).column(t, "churn_label"))
		if share := float64(n["True"]) / 50_000; math.Abs(share-want) > 0.01 || n["True"]+n["False"] != 50_000 {
			t.Errorf("%s: %.3f churned, want %.3f", months[m].Name, share, want)
		}
	}
	n := counts(readTable(t, filepath.Join(months[0].Dir, "subscriptions.csv")).column(t, "paperless_billing"))
	if share := float64(n["True"]) / 50_000; math.Abs(share-0.59) > 0.02 {
		t.Errorf("%.3f paperless, want 0.59", share)
	}
	short := 0
	for _, text := range readTable(t, filepath.Join(months[0].Dir, "usage_agg_30d.csv")).column(t, "watch_hours_30d") {
		if len(text) < 15 {
			short++
		}
	}
	if short > 50 {
		t.Errorf("%d watch hours of fewer than 15 characters", short)
	}
	two := regexp.MustCompile(`^\d+\.\d{1,2}$`)
	for _, name := range []string{"monthly_fee", "total_paid"} {
		for _, text := range readTable(t, filepath.Join(months[0].Dir, "subscriptions.csv")).column(t, name) {
			if !two.MatchString(text) {
				t.Fatalf("%s %q has not one or two decimals", name, text)
			}
		}
	}
}

// Users and subscriptions stay the same from month to month, the rest changes.
func TestWhatChanges(t *testing.T) {
	months := streamFlow(t, sample.Options{Months: 3})
	if got := []string{months[0].Name, months[1].Name, months[2].Name}; !cmp.Equal(got, []string{"month_000", "month_001", "month_002"}) {
		t.Errorf("months %v", got)
	}
	for m, want := range []string{"2024-01-31", "2024-02-29", "2024-03-31"} {
		if got := months[m].AsOf.Format(time.DateOnly); got != want {
			t.Errorf("%s is as of %s, want %s", months[m].Name, got, want)
		}
	}
	for _, name := range fileNames {
		first := readFile(t, filepath.Join(months[0].Dir, name))
		for _, month := range months[1:] {
			same := bytes.Equal(first, readFile(t, filepath.Join(month.Dir, name)))
			if stays := name == "users.csv" || name == "subscriptions.csv"; same != stays {
				t.Errorf("%s of %s: same as January's is %v, want %v", name, month.Name, same, stays)
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDeterminism(t *testing.T) {
	sum := func(o sample.Options) string {
		h := fnv.New64a()
		for _, month := range streamFlow(t, o) {
			for _, name := range fileNames {
				h.Write(readFile(t, filepath.Join(month.Dir, name)))
			}
		}
		return fmt.Sprintf("%016x", h.Sum64())
	}
	if a, b := sum(sample.Options{}), sum(sample.Options{Users: 7043, Months: 2}); a != b {
		t.Errorf("the same options gave %s and %s", a, b)
	}
	// Who tells others about a number in this data relies on it staying.
	if got, want := sum(sample.Options{}), "51f8086a6f096152"; got != want {
		t.Errorf("the default data changed: %s, was %s", got, want)
	}
	if a, b := sum(sample.Options{Users: 100}), sum(sample.Options{Users: 100, Seed: 1}); a == b {
		t.Error("another seed gave the same data")
	}
	if a, b := sum(sample.Options{Users: 10}), sum(sample.Options{Users: 10, First: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}); a == b {
		t.Error("another first month gave the same sign-up dates")
	}
}

func TestRefusals(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "kept.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dir  string
		o    sample.Options
		code asof.Code
		says string
	}{
		{"not empty", full, sample.Options{}, asof.CodeConflict, "is not empty"},
		{"a file", filepath.Join(full, "kept.txt"), sample.Options{}, asof.CodeInvalid, "kept.txt"},
		{"negative users", t.TempDir(), sample.Options{Users: -1}, asof.CodeInvalid, "cannot make -1 users"},
		{"too many months", t.TempDir(), sample.Options{Months: 1001}, asof.CodeInvalid, "cannot make 1001 months"},
	} {
		_, err := sample.StreamFlow(t.Context(), c.dir, c.o)
		if asof.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v (%s), want %q (%s)", c.name, err, asof.ErrorCode(err), c.says, c.code)
		}
	}
	if got := string(readFile(t, filepath.Join(full, "kept.txt"))); got != "mine" {
		t.Errorf("a file that was there now holds %q", got)
	}
}

// A run that is cancelled leaves nothing behind.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := sample.StreamFlow(ctx, dir, sample.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// Rows are written as they are made: many users need no more memory than few.
func TestMemoryIsBounded(t *testing.T) {
	allocated := func(users int) uint64 {
		var before, after runtime.MemStats
		dir := filepath.Join(t.TempDir(), "seeds")
		runtime.ReadMemStats(&before)
		if _, err := sample.StreamFlow(t.Context(), dir, sample.Options{Users: users, Months: 1}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := allocated(100), allocated(100_000)
	if many > few+100_000 {
		t.Errorf("100 users allocate %d bytes, 100000 users %d", few, many)
	}
}

// The real January files, where they are at hand, have the same columns.
func TestRealFilesHaveTheSameColumns(t *testing.T) {
	real := storetest.StreamFlowData(t)
	month := streamFlow(t, sample.Options{Users: 10, Months: 1})[0]
	for _, name := range fileNames {
		want := readTable(t, filepath.Join(real, "month_000", name))
		got := readTable(t, filepath.Join(month.Dir, name))
		if diff := cmp.Diff(want.header, got.header); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestMonthKilled kills a pipeline's run of a corrected month, which drops a
// user, before every seventh of its writes. Run again, the month is there as a
// whole, and what is online is what it says: the user has gone.
func TestMonthKilled(t *testing.T) {
	storetest.Traced()
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "5", "--months", "1")
	month := func(dir string) []string {
		return []string{"-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31"}
	}
	run(t, "asof", month(dir)...)
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", month(dir)...)
	run(t, "asof", "-c", dir, "verify")
	var dropped string
	files, err := filepath.Glob(filepath.Join(dir, "data", "seeds", "month_000", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		dropped, _, _ = strings.Cut(lines[1], ",")
		if err := os.WriteFile(file, []byte(strings.Join(slices.Delete(lines, 1, 2), "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := 1
	for write := "a write"; write != ""; n += 7 {
		c := t.TempDir()
		if err := os.CopyFS(c, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		write = storetest.Cuts{Dir: c}.Kill(t, n, "asof", month(c)...).Write
		run(t, "asof", month(c)...)
		run(t, "asof", "-c", c, "verify") // it fails where anything differs
		online := run(t, "asof", "-c", c, "get-online-features", "-e", "user_id="+dropped, "-f", "subs_profile_fv:monthly_fee", "--output", "json")
		if !strings.Contains(string(online), `"monthly_fee": null`) {
			t.Fatalf("killed at write %d, %s: user %s is still online: %s", n, write, dropped, online)
		}
	}
	if n < 50 {
		t.Errorf("it ended before its write %d: too few for a month", n)
	}
}

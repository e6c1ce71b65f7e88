package main

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// TestMaterializeOnAFullDisk has the disk fill up at the first write of a run,
// at the second, and so on. A run that fails says so, and once there is room it
// is run again, and leaves what an undisturbed one leaves.
func TestMaterializeOnAFullDisk(t *testing.T) {
	storetest.Traced()
	t.Parallel()
	fillingsIn(t, 200, func(t *testing.T, f filling) {
		args := func(f filling) []string { return []string{"-c", f.dir, "materialize-incremental", "2024-02-01"} }
		whole := f.copied(t)
		run(t, "asof", args(whole)...)
		want := whole.filled(t)
		failed := 0
		for n, write := 1, "a write"; write != ""; n++ {
			c := f.copied(t)
			end := storetest.Cuts{Dir: c.dir}.FillDisk(t, n, "asof", args(c)...)
			if write = end.Write; end.Code != 0 {
				failed++
				if end.Code != 1 || !regexp.MustCompile(`(?m)^asof: .*(the disk is full|no space left on device)`).MatchString(end.Output) {
					t.Errorf("full at write %d, %s: it ended with %d and\n%s", n, write, end.Code, end.Output)
				}
				run(t, "asof", args(c)...)
			}
			if diff := cmp.Diff(want, c.filled(t)); diff != "" {
				t.Fatalf("full at write %d, %s, which ended with %d (-undisturbed, +full):\n%s\n%s", n, write, end.Code, diff, end.Output)
			}
		}
		if failed < 5 {
			t.Errorf("only %d runs failed", failed)
		}
	}, inSQLite)
}

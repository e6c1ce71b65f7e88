package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// TestMaterializeKilledAtEveryWrite kills a run (SIGKILL) before its first
// write to the online store, the ledger or the registry, then another before
// its second, and so on. Each is run again, and what is there then is what an
// uninterrupted run leaves: no gap, and nothing twice.
func TestMaterializeKilledAtEveryWrite(t *testing.T) {
	storetest.Traced()
	t.Parallel()
	fillingsIn(t, 200, func(t *testing.T, f filling) {
		t.Parallel()
		run(t, "asof", "-c", f.dir, "materialize-incremental", "2024-01-02T12:00:00")
		f.source(t, 4, "SELECT 'late', TIMESTAMP '2024-01-01', (now() AT TIME ZONE 'UTC'), 1, 'late'")
		killedAtEveryWrite(t, f, func(c filling) []string { return c.filled(t) }, "materialize-incremental", "2024-02-01")
	}, inSQLite, inPostgres, inRedis)
}

// TestMaterializeKilled kills runs of a bigger view ever later, each in what
// the one before it left. What is online in the end is the point-in-time answer,
// and the ledger has one finished run that wrote every key.
func TestMaterializeKilled(t *testing.T) {
	storetest.Traced()
	fillings(t, 100_000, func(t *testing.T, f filling) {
		killed := 0
		for n := 1; (storetest.Cuts{Dir: f.dir, Sockets: f.sockets}).Kill(t, n, "asof", "-c", f.dir, "materialize-incremental", "2024-02-01").Write != ""; n *= 2 {
			killed++
		}
		f.verified(t)
		full := 0
		for _, m := range f.ledgered(t) {
			if m.Done() && m.Written == int64(f.users) {
				full++
			}
		}
		if newest := f.ledgered(t)[0]; killed < 5 || full != 1 || !newest.Done() {
			t.Errorf("%d runs were killed; %d finished runs wrote every key, want 1; the newest is %+v", killed, full, newest)
		}
	})
}

// killedAtEveryWrite runs a command in copies of the repository, kills each at
// another write, runs it again, and compares what is there then.
func killedAtEveryWrite(t *testing.T, f filling, state func(f filling) []string, command ...string) {
	t.Helper()
	whole := f.copied(t)
	run(t, "asof", append([]string{"-c", whole.dir}, command...)...)
	want := state(whole)
	var writes []string
	for write := "a write"; write != ""; {
		c := f.copied(t)
		args := append([]string{"-c", c.dir}, command...)
		if write = (storetest.Cuts{Dir: c.dir, Sockets: f.sockets}).Kill(t, len(writes)+1, "asof", args...).Write; write != "" {
			writes = append(writes, write)
		}
		run(t, "asof", args...)
		if diff := cmp.Diff(want, state(c)); diff != "" {
			t.Fatalf("killed at write %d, %s, and run again (-uninterrupted, +killed):\n%s", len(writes), write, diff)
		}
	}
	t.Logf("killed at %d writes: %v", len(writes), slices.Compact(writes))
	if len(writes) < 5 {
		t.Errorf("only %d writes were seen: %v", len(writes), writes)
	}
}

// TestApplyKilledAtEveryWrite does the same with an apply that has to clean the
// online store: a feature goes, and a view has another name.
func TestApplyKilledAtEveryWrite(t *testing.T) {
	storetest.Traced()
	t.Parallel()
	fillingsIn(t, 20, func(t *testing.T, f filling) {
		t.Parallel()
		leaving(t, f)
		killedAtEveryWrite(t, f, func(c filling) []string { return left(t, c) }, "apply")
	}, inSQLite, inPostgres, inRedis)
}

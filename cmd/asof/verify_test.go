package main

import (
	"strings"
	"testing"
)

// TestVerify seeds each cause by which a store differs from its sources, and
// has it found, on every store.
func TestVerify(t *testing.T) {
	fillingsIn(t, 20, func(t *testing.T, f filling) {
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
			"SELECT 'u2', TIMESTAMP '2024-01-03 00:00:00.25', TIMESTAMP '2100-01-01', 2, 'late'",
			"SELECT 'u3', TIMESTAMP '2024-01-03 00:00:00.25', TIMESTAMP '2024-01-05', 3, 'corrected'",
			"SELECT 'u20', TIMESTAMP '2024-01-02', TIMESTAMP '2024-01-02', 3, 'new'")
		f.restore(t, `[{"user_id": "u4", "event_timestamp": "2024-01-09T00:00:00Z", "total": 4, "city": "nobody's row"},
			{"user_id": "x1", "event_timestamp": "2024-01-01T00:00:00Z", "total": 5, "city": "nobody's key"}]`, "u5")
		says("22 keys map[corrected row:1 foreign write:2 late row:1 never loaded:2 older row:1]")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-01", "2024-02-01")
		says("22 keys map[foreign write:2]")
		f.restore(t, "[]", "u4", "x1")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-01", "2024-02-01")
		says("21 keys map[]")

		f.edit(t, "features.py", "ttl=None", "ttl=timedelta(days=28)")
		f.edit(t, "features.py", "from feast import", "from datetime import timedelta\nfrom feast import")
		run(t, "asof", "-c", f.dir, "apply")
		says("21 keys map[expired:20]") // all but that of 4 January
		if strings.Contains(f.settings, asFeast) {
			f.edit(t, "feature_store.yaml", asFeast, asFeast+"  on_expired: drop\n")
		} else {
			f.edit(t, "feature_store.yaml", "project: shop", "project: shop\nasof:\n  on_expired: drop")
		}
		says("21 keys map[]")
		f.edit(t, "features.py", "ttl=timedelta(days=28)", "ttl=None")
		f.edit(t, "features.py", "dtype=Int64", "dtype=String")
		run(t, "asof", "-c", f.dir, "apply", "--retype")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-04", "2024-02-01")
		says("21 keys map[type:20]")
		run(t, "asof", "-c", f.dir, "materialize", "2024-01-01", "2024-02-01")
		says("21 keys map[]")
	}, everywhere...)
}

package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/storetest"
)

const entityFiles = `
import sys, pandas as pd
folder = sys.argv[1]
day = pd.Timestamp("2024-01-31")
frames = {
  "text": {"user_id": ["a"], "event_timestamp": ["2024-01-31"]},
  "times": {"user_id": ["a"], "seen": [day], "signup": [day]},
  "one time": {"user_id": ["3413-BMNZE"], "seen": [day]},
  "lists": {"user_id": [["a"]], "event_timestamp": [day]},
  "truths": {"user_id": [True], "event_timestamp": [day]},
  "index": {"user_id": ["3413-BMNZE", "x"], "event_timestamp": [day, day]},
  "long": {"user_id": [str(i) for i in range(200_000)], "event_timestamp": [day] * 200_000},
}
for name, columns in frames.items():
    pd.DataFrame(columns).to_parquet(f"{folder}/{name}.parquet", index=False)
pd.DataFrame(frames["index"]).set_index("user_id").to_parquet(folder + "/index.parquet")
`

func TestParquetInput(t *testing.T) {
	dir := t.TempDir()
	storetest.RunPython(t, entityFiles, dir)
	of := func(name string) historical.Entities {
		return historical.Entities{Path: filepath.Join(dir, name+".parquet")}
	}
	for _, c := range []struct{ file, want string }{
		{"text", `: column "event_timestamp" is utf8, not a timestamp or a date; convert it`},
		{"times", `: there is no column "event_timestamp", and more than one other holds times: seen, signup; rename the one that counts to event_timestamp`},
		{"lists", `: the join key "user_id" is list<element: utf8, nullable>, which cannot be compared with its declared type String`},
		{"truths", `: the join key "user_id" is bool, which cannot be compared with its declared type String`},
	} {
		refused(t, historical.Request{References: training[:1], Entities: of(c.file)}, asof.CodeInvalid, of(c.file).Path+c.want)
	}
	for _, c := range []struct{ file, want string }{
		{"one time", "user_id,seen,months_active\n3413-BMNZE,2024-01-31,1\n"},
		{"index", "event_timestamp,user_id,months_active\n2024-01-31,3413-BMNZE,1\n2024-01-31,x,\n"},
	} {
		if _, text := run(t, historical.Request{References: training[:1], Entities: of(c.file)}); text != c.want {
			t.Errorf("%s: %q, want %q", c.file, text, c.want)
		}
	}
}

// Damage in the middle of a file is an error that names it, never a panic.
func TestDamagedParquet(t *testing.T) {
	dir := t.TempDir()
	storetest.RunPython(t, entityFiles, dir)
	whole, err := os.ReadFile(filepath.Join(dir, "long.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	path, found := filepath.Join(dir, "damaged.parquet"), 0
	for at := 4; at < len(whole)-100_000; at += len(whole) / 7 {
		damaged := append([]byte{}, whole...)
		for i := range 40 {
			damaged[at+i] ^= 0xff
		}
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		r := request(t, historical.Request{References: []string{"global:rate"}, Entities: historical.Entities{Path: path}, Output: filepath.Join(dir, "out.csv")})
		r.Store = &batched{r.Store}
		_, err := historical.Run(context.Background(), r)
		if err == nil {
			continue // in a value, which may be any
		}
		found++
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), path) {
			t.Errorf("damage at %d of %d: %v", at, len(whole), err)
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}

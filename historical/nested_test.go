package historical_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/storetest"
)

const readNested = `
import sys, pyarrow.feather as feather, pyarrow.parquet as pq
for table in (pq.read_table(sys.argv[1]), feather.read_table(sys.argv[2])):
    print(table.schema.field("struct").type, *(table.column(c).to_pylist() for c in ("list", "struct", "nested")), sep="\n")
`

// pyarrow reads nested columns with the values that were given.
func TestNestedOutputs(t *testing.T) {
	source := filepath.Join(t.TempDir(), "rows.parquet")
	storetest.RunPython(t, `
import sys, pyarrow as pa, pyarrow.parquet as pq, datetime
pq.write_table(pa.table({"event_timestamp": pa.array([datetime.datetime(2024, 1, 31)] * 2, pa.timestamp("us", "UTC")),
    "list": [[1, 2], None], "struct": [{"a": 1, "b": "é"}, None], "nested": [[["x"], []], []]}), sys.argv[1])
`, source)
	dir := t.TempDir()
	for _, name := range []string{"out.parquet", "out.arrow"} {
		ask := request(t, historical.Request{References: []string{"global:rate"}, Output: filepath.Join(dir, name), Entities: historical.Entities{Path: source}})
		if _, err := historical.Run(context.Background(), ask); err != nil {
			t.Fatal(err)
		}
	}
	want := `struct<a: int64, b: string>
[[1, 2], None]
[{'a': 1, 'b': 'é'}, None]
[[['x'], []], []]
`
	want += want // of both files
	if d := cmp.Diff(want, string(storetest.RunPython(t, readNested, filepath.Join(dir, "out.parquet"), filepath.Join(dir, "out.arrow")))); d != "" {
		t.Error(d)
	}
}

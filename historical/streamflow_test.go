package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	parquetfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

// month makes of a month's files the snapshots, the entity rows with their
// labels, and the training set as pandas joins and writes it.
const month = `
import sys, datetime, pandas as pd
folder, out = sys.argv[1:]
read = lambda name: pd.read_csv(f"{folder}/{name}.csv")
day = datetime.date(2024, 1, 31)
tables = {"subscriptions": read("subscriptions"), "usage_30d": read("usage_agg_30d"), "payments_90d": read("payments_agg_90d")}
for name, table in tables.items():
    table.assign(as_of=day).to_parquet(f"{out}/{name}.parquet", index=False)
labels = read("labels").assign(event_timestamp=day).sample(frac=1, random_state=1)
labels.to_csv(f"{out}/labels.csv", index=False)
joined = labels
for table in tables.values():
    joined = joined.merge(table, on="user_id", how="left")
for name in ["monthly_fee", "watch_hours_30d", "avg_session_mins_7d"]:
    joined[name] = joined[name].astype("float32")
joined["user_id,event_timestamp,months_active,monthly_fee,paperless_billing,watch_hours_30d,avg_session_mins_7d,failed_payments_90d,churn_label".split(",")].to_csv(f"{out}/training_df.csv", index=False)
`

// The training set of the real month is, byte for byte, what pandas makes of it.
func TestStreamFlowMonth(t *testing.T) {
	dir := t.TempDir()
	storetest.RunPython(t, month, filepath.Join(storetest.StreamFlowData(t), "month_000"), dir)
	store := memory.NewOffline()
	defer store.Close()
	for _, name := range []string{"subscriptions", "usage_30d", "payments_90d"} {
		rows := parquetRows(t, filepath.Join(dir, name+".parquet"))
		store.Put(name, rows)
		rows.Release()
	}
	result, err := historical.Run(context.Background(), request(t, historical.Request{
		Store: store, References: training, Label: "churn_label",
		Entities: historical.Entities{Path: filepath.Join(dir, "labels.csv")}, Output: filepath.Join(dir, "out.csv")}))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(dir, "out.csv"))
	want, _ := os.ReadFile(filepath.Join(dir, "training_df.csv"))
	if result.Rows != 7043 || len(want) == 0 {
		t.Errorf("%d rows, %d bytes wanted", result.Rows, len(want))
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Error(diff)
	}
}

func parquetRows(t *testing.T, path string) arrow.RecordBatch {
	t.Helper()
	f, err := parquetfile.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, arrowmemory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := reader.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := array.NewTableReader(table, table.NumRows())
	defer rows.Release()
	rows.Next()
	rows.RecordBatch().Retain()
	return rows.RecordBatch()
}

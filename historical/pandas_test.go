package historical_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/storetest"
)

// frames makes data frames, each as Parquet and as the CSV that pandas writes
// of it. A column that holds whole numbers and nothing is Int64 with NULL.
const frames = `
import sys, datetime, decimal
import numpy as np, pandas as pd
folder = sys.argv[1]
T = lambda *v, **k: pd.to_datetime(list(v), format="ISO8601", **k)
float32s = np.frombuffer(open(folder + "/bits", "rb").read(), dtype="uint32").view("float32")
float64s = np.frombuffer(open(folder + "/bits", "rb").read(), dtype="uint64").view("float64")
n = len(float64s)
edges = [1, 1.5, 1e15, 1e16, 123456789012345678, 1e-4, 1e-5, 0.1, np.nan, np.inf, -np.inf, -0.0, 1e22, 5e-324, 123456.7, 999999, 1e6, 1234567, 0.00099, 45.25]
one = pd.Timestamp("2024-01-31")
cases = {
  "float32s": {"user_id": "a", "event_timestamp": one, "x": float32s[:n]},
  "float64s": {"user_id": "a", "event_timestamp": one, "x": float64s},
  "edges": {"user_id": "a", "event_timestamp": one, "x": np.array(edges), "y": np.array(edges, dtype="float32")},
  "plain": {"user_id": ["a,b", 'c"d', "x\ny", " lead", "", None, "Zoë"], "event_timestamp": one, "b": True,
    "c": np.array([True, None, False] * 2 + [True], dtype=object), "i": pd.array([1, None, -5, 9223372036854775807, 0, 7, 8], dtype="Int64"),
    "small": np.array([-128, 127, 0, 1, 2, 3, 4], dtype="int8"), "u": np.array([18446744073709551615] * 7, dtype="uint64"),
    "d": [datetime.date(2024, 1, 31), None] + [datetime.date(1969, 12, 31)] * 5, "category": pd.Categorical(list("abacaba")),
    "money": [decimal.Decimal("45.25")] * 7},
  "days": {"user_id": "a", "event_timestamp": T("2024-01-31", "1969-12-31", None)},
  "seconds": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00", "2024-02-01", None)},
  "milliseconds": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00.120", "2024-02-01", None)},
  "microseconds": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00.5", "1969-12-31 23:59:59.999999", None)},
  "nanoseconds": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00.5", "2024-01-31 00:00:00.000000001", None)},
  "utc": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00", "2024-02-01", None, utc=True)},
  "utc fractions": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00.120", "2024-02-01", "2024-02-01 00:00:00.000000001", utc=True)},
  "utc us": {"user_id": "a", "event_timestamp": T("2024-01-31 10:00:00.120", "1969-12-31 23:59:59.999999", utc=True).astype("datetime64[us, UTC]")},
}
for name, columns in cases.items():
    frame = pd.DataFrame(columns)
    frame.to_parquet(f"{folder}/{name}.parquet", index=False)
    frame.assign(failed_payments_90d=None).to_csv(f"{folder}/{name}.csv", index=False) # no key has any
    print(name)
`

// What pandas writes is what we write.
func TestCSVIsAsPandasWritesIt(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	bits := make([]byte, 8*4000)
	for i := range bits {
		bits[i] = byte(random.Uint32())
	}
	if err := os.WriteFile(filepath.Join(dir, "bits"), bits, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimSpace(string(storetest.RunPython(t, frames, dir))), "\n") {
		t.Run(name, func(t *testing.T) {
			_, text := run(t, historical.Request{References: []string{"payments:failed_payments_90d"},
				Entities: historical.Entities{Path: filepath.Join(dir, name+".parquet")}})
			want, err := os.ReadFile(filepath.Join(dir, name+".csv"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A column of midnights in UTC is a column of days, unlike in pandas.
func TestMidnightsAreDays(t *testing.T) {
	_, text := run(t, historical.Request{References: []string{"global:rate"},
		Entities: historical.Entities{Path: file(t, "days.csv", "event_timestamp\n2024-01-31T00:00:00Z\n2024-02-01T01:00:00+01:00\n\"\"\n")}})
	if want := "event_timestamp,rate\n2024-01-31,0.5\n2024-02-01,0.5\n,\n"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

// written has what a CSV file is read as: the type that pandas finds too.
var written = []struct {
	cells, pandas string
}{
	{"1|2", "int64"}, {"+1|-9223372036854775808", "int64"}, {"1|2.5", "float64"}, {"2.5|1", "float64"}, {"1e5|.5", "float64"}, {"1.|inf", "float64"},
	{"True|False", "bool"}, {"TRUE|false", "bool"}, {"True|1", "object"}, {"t|f", "object"}, {"1|x", "object"}, {"1_0|2", "object"},
	{"0x1|2", "object"}, {"1e400|2", "object"}, {"-|1", "object"}, {"18446744073709551616|1", "object"}, {"a b|é", "object"},
	{"nan|1", "float64"}, {"-Infinity|1", "float64"}, {"2024-01-31|2024-02-01", "object"}, {"\"1,000\"|2", "object"},
}

const readCSV = `
import sys, pandas as pd
print(*pd.read_csv(sys.argv[1]).dtypes, sep="\n")
pd.read_csv(sys.argv[1]).to_csv(sys.argv[2], index=False)
`

// TestCSVTypes holds the types found in a CSV file, and what is written of
// them again, against pandas.
func TestCSVTypes(t *testing.T) {
	header, rows := "user_id,event_timestamp", []string{"a,2024-01-31", "a,2024-01-31"}
	for i, c := range written {
		header += ",c" + strconv.Itoa(i)
		for r, cell := range strings.SplitN(c.cells, "|", 2) {
			rows[r] += "," + cell
		}
	}
	path := file(t, "types.csv", header+"\r\n"+strings.Join(rows, "\r\n")+"\r\n")
	theirs := filepath.Join(t.TempDir(), "pandas.csv")
	types := strings.Fields(string(storetest.RunPython(t, readCSV, path, theirs)))[2:]
	for i, c := range written {
		if types[i] != c.pandas {
			t.Errorf("pandas reads %s as %s", c.cells, types[i])
		}
	}
	want, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	_, text := run(t, historical.Request{References: []string{"global:rate"}, Entities: historical.Entities{Path: path}})
	text = strings.ReplaceAll(strings.Replace(text, ",rate", "", 1), ",0.5\n", "\n")
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Error(diff)
	}
}

const readParquet = `
import sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
print(frame.dtypes.to_csv(header=False), end="")
print(frame.to_csv(index=False), end="")
`

// The Parquet file has the declared types, and pandas reads the same values in
// it as in the CSV file.
func TestParquetOutput(t *testing.T) {
	r := historical.Request{References: append([]string{"global:rate"}, training...), Label: "churn_label",
		Output:   filepath.Join(t.TempDir(), "out.parquet"),
		Entities: historical.Entities{Path: file(t, "users.csv", strings.ReplaceAll(january, "2024-01-31", "2024-01-31T10:00:00.5Z"))}}
	if _, err := historical.Run(context.Background(), request(t, r)); err != nil {
		t.Fatal(err)
	}
	want := `user_id,object
event_timestamp,"datetime64[us, UTC]"
rate,float64
months_active,float64
monthly_fee,float32
paperless_billing,object
watch_hours_30d,float32
avg_session_mins_7d,float32
failed_payments_90d,float64
churn_label,object
user_id,event_timestamp,rate,months_active,monthly_fee,paperless_billing,watch_hours_30d,avg_session_mins_7d,failed_payments_90d,churn_label
3413-BMNZE,2024-01-31 10:00:00.500000+00:00,0.5,1.0,45.25,False,32.09199,29.141045,0.0,False
7590-VHVEG,2024-01-31 10:00:00.500000+00:00,0.5,,29.85,True,24.48365,29.141045,1.0,True
0000-NONEX,2024-01-31 10:00:00.500000+00:00,0.5,,,,,,,
`
	if diff := cmp.Diff(want, string(storetest.RunPython(t, readParquet, r.Output))); diff != "" {
		t.Error(diff)
	}
}

// A file of one format read and written in the other says the same.
func TestParquetBackToCSV(t *testing.T) {
	ask := historical.Request{References: []string{"global:rate"}, Output: filepath.Join(t.TempDir(), "out.parquet"),
		Entities: historical.Entities{Path: file(t, "users.csv", "event_timestamp,id,n,x\n2024-01-31 10:00:00.123456789,007,1,1.5\n2024-01-31,,,\n")}}
	if _, err := historical.Run(context.Background(), request(t, ask)); err != nil {
		t.Fatal(err)
	}
	_, text := run(t, historical.Request{References: []string{"payments:failed_payments_90d"}, FullNames: true,
		Entities: historical.Entities{Path: ask.Output}, Snapshot: project(view("payments", "payments_90d", nil, field("failed_payments_90d", 3)))})
	want := "event_timestamp,id,n,x,rate,payments__failed_payments_90d\n2024-01-31 10:00:00.123456789,007,1,1.5,0.5,1\n2024-01-31 00:00:00.000000000,,,,0.5,1\n"
	if text != want {
		t.Error(cmp.Diff(want, text))
	}
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// Append is the conformance suite of asof.Appender. open returns a store
// without tables each time.
func Append(t *testing.T, open func(t *testing.T) OfflineUnderTest) {
	for name, test := range map[string]func(*testing.T, OfflineUnderTest){
		"rows are seen":            appendSeen,
		"columns find their place": appendArranged,
		"every type":               appendTypes,
		"wrong columns":            appendWrongColumns,
		"all or nothing":           appendWhole,
		"at once":                  appendAtOnce,
		"many":                     appendMany,
		"not a place for rows":     appendNowhere,
		"a source that is pushed":  appendPushed,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// streamOf makes a reader of a table's rows, in batches of two, which ends with
// the error.
func streamOf(t *testing.T, table OfflineTable, end error) array.RecordReader {
	t.Helper()
	all := table.Records(t)
	t.Cleanup(all.Release)
	reader := array.ReaderFromIter(all.Schema(), func(yield func(arrow.RecordBatch, error) bool) {
		for from := int64(0); from < all.NumRows(); from += 2 {
			if !yield(all.NewSlice(from, min(from+2, all.NumRows())), nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	})
	t.Cleanup(reader.Release)
	return reader
}

func (u OfflineUnderTest) append(ctx context.Context, source *asof.DataSource, rows array.RecordReader) (int64, error) {
	return u.OfflineStore.(asof.Appender).Append(ctx, source, rows)
}

// all reads every row of a view of trips, as driver and number of trips, sorted.
func all(t *testing.T, u OfflineUnderTest, view asof.ViewQuery) string {
	t.Helper()
	rows, _, err := collect(u.OfflineStore.(asof.RowReader).Rows(t.Context(),
		&asof.RowsQuery{Latest: asof.Latest{View: view, To: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}}))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, row := range rows {
		list = append(list, row[0]+":"+row[3])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

const tripColumns = "driver:bigint event:timestamptz trips:bigint"

func appendSeen(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	columns, err := u.Columns(t.Context(), view.Source)
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []struct {
		values, want string
		n            int64
	}{
		{"1 2024-01-04 11  3 2024-01-01 30  3 2024-01-01 30", "1:10 1:11 2:20 2:21 3:30 3:30", 3},
		{"", "1:10 1:11 2:20 2:21 3:30 3:30", 0},
		{"4 2024-01-01 -", "1:10 1:11 2:20 2:21 3:30 3:30 4:-", 1},
	} {
		n, err := u.append(t.Context(), view.Source, streamOf(t, table(t, "more", tripColumns, more.values), nil))
		if n != more.n || err != nil {
			t.Fatalf("Append = %d, %v, want %d", n, err, more.n)
		}
		if got := all(t, u, view); got != more.want {
			t.Errorf("there are %s, want %s", got, more.want)
		}
	}
	rows, _, err := collect(u.Historical(t.Context(), &asof.PointInTime{Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view},
		Entities: recordsOf(t, table(t, "asked", "driver:bigint event_timestamp:timestamptz", "1 2024-01-03  1 2024-01-04  3 2024-01-02"))}))
	if err != nil {
		t.Fatal(err)
	}
	if got := []string{rows[0][2], rows[1][2], rows[2][2]}; !slices.Equal(got, []string{"10", "11", "30"}) {
		t.Errorf("the point-in-time answer is %v", got)
	}
	after, err := u.Columns(t.Context(), view.Source)
	if d := cmp.Diff(columns, after); d != "" || err != nil {
		t.Errorf("the columns have changed: %v %s", err, d)
	}
}

// Columns are found by their names, and get the types that they have there.
func appendArranged(t *testing.T, u OfflineUnderTest) {
	source := u.Load(t, table(t, "Größe 结果", "fahrer_ü:text at:timestamptz n:bigint x:double", "a 2024-01-01 1 0.5"))
	source.TimestampField = "at"
	view := asof.ViewQuery{View: "v", Source: source, Timestamp: "at", Keys: []asof.KeyColumn{{Column: "fahrer_ü", Entity: "fahrer_ü", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.FeatureColumn{{Column: "n", Output: "n", Type: asof.Scalar(asof.TypeInt64)}, {Column: "x", Output: "x", Type: asof.Scalar(asof.TypeFloat64)}}}
	more := table(t, "more", "x:real n:text at:timestamp_ns fahrer_ü:text", "0.25 7 2024-01-02T00:00:00.000000001 b  -  - 2024-01-03 b")
	if n, err := u.append(t.Context(), source, streamOf(t, more, nil)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	rows, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: time.Date(2024, 1, 2, 12, 0, 0, 0, time.UTC)}))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, slices.Compare)
	for _, row := range rows {
		row[2] = "" // created, of which there is none
	}
	want := [][]string{{"a", "2024-01-01T00:00:00Z", "", "1", "0.5"}, {"b", "2024-01-02T00:00:00.000001Z", "", "7", "0.25"}}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
}

// Values of each type are read back as they were.
func appendTypes(t *testing.T, u OfflineUnderTest) {
	made := table(t, "kinds", "k:text at:timestamptz day:date i:integer b:boolean r:real d:double n:numeric(12,3) y:bytea l:bigint[] s:text[]",
		`a 2024-01-01T01:02:03.000004 2024-02-29 -2147483648 true 0.1 1e300 123456789.125 \x00ff [1,-,3] [x,y]  `+
			`b 2024-01-02 - - - - - - - - -  `+
			`c 1969-12-31T23:59:59.999999 0001-01-01 0 false -0 5e-324 -0.001 \x [] [-]`)
	source := u.Load(t, made)
	source.TimestampField = "at"
	view := asof.ViewQuery{View: "kinds", Source: source, Timestamp: "at", Keys: []asof.KeyColumn{{Column: "k", Entity: "k", Type: asof.Scalar(asof.TypeString)}}}
	for name, typ := range map[string]asof.ValueType{"day": asof.TypeUnixTimestamp, "i": asof.TypeInt32, "b": asof.TypeBool, "r": asof.TypeFloat32, "d": asof.TypeFloat64,
		"n": asof.TypeString, "y": asof.TypeBytes, "l": asof.TypeInt64List, "s": asof.TypeStringList} {
		view.Features = append(view.Features, asof.FeatureColumn{Column: name, Output: name, Type: asof.Scalar(typ)})
	}
	slices.SortFunc(view.Features, func(a, b asof.FeatureColumn) int { return strings.Compare(a.Column, b.Column) })
	read := func() [][]string {
		rows, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: time.Now()}))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(rows, slices.Compare)
		return rows
	}
	before := read()
	for i, row := range made.Rows {
		row[0] = new(strings.ToUpper(*made.Rows[i][0]))
	}
	if _, err := u.append(t.Context(), source, streamOf(t, made, nil)); err != nil {
		t.Fatal(err)
	}
	after := read()
	if len(after) != 6 {
		t.Fatalf("%d rows", len(after))
	}
	for _, row := range after[:3] {
		row[0] = strings.ToLower(row[0])
	}
	if d := cmp.Diff(before, after[:3]); d != "" {
		t.Errorf("what was appended: -want +got\n%s", d)
	}
	if d := cmp.Diff(before, after[3:]); d != "" {
		t.Errorf("what was there: -want +got\n%s", d)
	}
}

func appendWrongColumns(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	for _, c := range []struct{ columns, values, says string }{
		{"driver:bigint event:timestamptz", "5 2024-01-01", `lack "trips"`},
		{"driver:bigint event:timestamptz trips:bigint city:text", "5 2024-01-01 1 Bern", `have "city" too many`},
		{"driver:bigint time:timestamptz trips:bigint", "5 2024-01-01 1", `lack "event" and have "time" too many`},
		{"driver:bigint event:timestamptz trips:bigint trips:bigint", "5 2024-01-01 1 1", `have "trips" too many`},
		{"driver:bigint event:timestamptz trips:text", "5 2024-01-01 1  5 2024-01-02 2  5 2024-01-03 many", `row 3, column "trips": "many" does not fit`},
		{"driver:bigint event:timestamptz trips:double", "5 2024-01-01 1.5", `row 1, column "trips": 1.5 does not fit`},
		{"driver:bigint event:text trips:bigint", "5 yesterday 1", `row 1, column "event": "yesterday" does not fit`},
		{"driver:bigint event:boolean trips:bigint", "5 true 1", `column "event"`},
	} {
		n, err := u.append(t.Context(), view.Source, streamOf(t, table(t, "more", c.columns, c.values), nil))
		if n != 0 || asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `"trips"`) {
			t.Errorf("%s: %d, %v, want an invalid one that says %s", c.columns, n, err, c.says)
		}
	}
	if got := all(t, u, view); got != "1:10 2:20 2:21" {
		t.Errorf("after what was refused there are %s", got)
	}
}

// Rows that end early are not there at all.
func appendWhole(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	broken := errors.New("the line is cut")
	more := table(t, "more", tripColumns, "5 2024-01-01 1  5 2024-01-02 2  5 2024-01-03 3")
	if _, err := u.append(t.Context(), view.Source, streamOf(t, more, broken)); !errors.Is(err, broken) {
		t.Errorf("rows that end early: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.append(ctx, view.Source, streamOf(t, more, nil)); !isCancelled(err) {
		t.Errorf("a cancelled append: %v", err)
	}
	if got := all(t, u, view); got != "1:10 2:20 2:21" {
		t.Errorf("after appends that failed there are %s", got)
	}
}

func appendAtOnce(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	want := []string{"1:10", "2:20", "2:21"}
	var work sync.WaitGroup
	for i := range 12 {
		rows := streamOf(t, table(t, "more", tripColumns, fmt.Sprintf("7 2024-01-01T%02d:00 %d", i, 100+i)), nil)
		want = append(want, fmt.Sprintf("7:%d", 100+i))
		work.Go(func() {
			if _, err := u.append(t.Context(), view.Source, rows); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	slices.Sort(want)
	if got := all(t, u, view); got != strings.Join(want, " ") {
		t.Errorf("there are %s, want %s", got, want)
	}
}

func appendMany(t *testing.T, u OfflineUnderTest) {
	const batches, size = 60, 5000
	view := trips(t, u)
	schema := arrow.NewSchema([]arrow.Field{{Name: "driver", Type: arrow.PrimitiveTypes.Int64}, {Name: "event", Type: asof.Timestamp}, {Name: "trips", Type: arrow.PrimitiveTypes.Int32}}, nil)
	rows := array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range batches {
			for j := range size {
				b.Field(0).(*array.Int64Builder).Append(int64(100 + i*size + j))
				b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(i*size + j))
				b.Field(2).(*array.Int32Builder).Append(int32(j))
			}
			if !yield(b.NewRecordBatch(), nil) {
				return
			}
		}
	})
	defer rows.Release()
	if n, err := u.append(t.Context(), view.Source, rows); n != batches*size || err != nil {
		t.Fatal(n, err)
	}
	span, err := u.Range(t.Context(), view.Source)
	if err != nil || span.Rows != batches*size+3 || span.Oldest.UnixMicro() != 0 {
		t.Errorf("range = %+v, %v", span, err)
	}
	asked := table(t, "asked", "driver:bigint", "99 100 131172 131171 300099 300100").Records(t)
	defer asked.Release()
	found, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: time.Unix(100, 0), Keys: asked}))
	if err != nil || len(found) != 4 {
		t.Fatalf("%v, %v", found, err)
	}
	for _, row := range found {
		if driver, _ := strconv.Atoi(row[0]); strconv.Itoa((driver-100)%size) != row[3] {
			t.Errorf("a row is torn: %v", row)
		}
	}
}

// A query has no place for rows, nor has a source that is not there.
func appendNowhere(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	more := table(t, "more", tripColumns, "5 2024-01-01 1")
	missing := *view.Source
	switch missing.Kind {
	case asof.SourceFile:
		missing.Path += "_gone.parquet"
	default:
		missing.Table = "gone"
		query := *view.Source
		query.Table, query.Query = "", `SELECT * FROM trips`
		if u.Name == "memory" {
			query.Query = "trips"
		}
		if _, err := u.append(t.Context(), &query, streamOf(t, more, nil)); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "query") {
			t.Errorf("rows for a query: %v", err)
		}
	}
	other := &asof.DataSource{Name: "sales", Kind: asof.SourceOther, Class: "feast.BigQuerySource"}
	for _, source := range []*asof.DataSource{&missing, {Name: "clicks", Kind: asof.SourcePush}, other} {
		if _, err := u.append(t.Context(), source, streamOf(t, more, nil)); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), source.Name) {
			t.Errorf("rows for %s: %v", source.Name, err)
		}
	}
}

// Rows of a stream go to where its history is.
func appendPushed(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	pushed := &asof.DataSource{Name: "pushed", Kind: asof.SourcePush, Batch: view.Source}
	if n, err := u.append(t.Context(), pushed, streamOf(t, table(t, "more", tripColumns, "5 2024-01-01 1"), nil)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := all(t, u, view); got != "1:10 2:20 2:21 5:1" {
		t.Errorf("there are %s", got)
	}
}

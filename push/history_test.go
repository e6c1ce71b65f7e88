package push_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/push"
)

// TestPushToHistory adds rows to the table that a push source's views are read
// from, and to the online store before it.
func TestPushToHistory(t *testing.T) {
	b := newBench(t)
	table := &asof.DataSource{Name: "history", Kind: asof.SourcePostgres, Table: "clicks", TimestampField: "at", CreatedField: "loaded", FieldMapping: history.FieldMapping}
	moved := func(v *asof.FeatureView, stream string) *asof.FeatureView {
		copied := *v
		copied.Source, copied.Stream = table, &asof.DataSource{Name: stream, Kind: asof.SourcePush, Batch: table}
		return &copied
	}
	if _, err := b.Registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{table, moved(clicks, "clicked"), moved(lasting, "clicked"), moved(unserved, "kept")}}); err != nil {
		t.Fatal(err)
	}
	offline := memory.NewOffline()
	defer offline.Close()
	schema := arrow.NewSchema([]arrow.Field{{Name: "at", Type: asof.Timestamp}, {Name: "loaded", Type: asof.Timestamp, Nullable: true}, {Name: "uid", Type: arrow.BinaryTypes.String},
		{Name: "n_clicks", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "share", Type: &arrow.Decimal128Type{Precision: 20, Scale: 18}, Nullable: true}}, nil)
	empty, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	offline.Put("clicks", empty)
	opened := 0
	b.Offline = func(context.Context) (asof.OfflineStore, error) { opened++; return offline, nil }
	to := func(source string, to push.To, rows string) error {
		t.Helper()
		target, err := b.Source(t.Context(), source, to)
		if err != nil {
			return err
		}
		return target.Write(t.Context(), columns(t, rows))
	}
	held := func(want ...string) {
		t.Helper()
		v := moved(clicks, "clicked")
		q, err := v.Query()
		if err != nil {
			t.Fatal(err)
		}
		reader, err := offline.PullLatest(t.Context(), &asof.Latest{View: q, To: now})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Release()
		var got []string
		for reader.Next() {
			rows, err := reader.RecordBatch().MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(rows))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the source holds %q, want %q", got, want)
		}
	}
	if err := to("clicked", push.OnlineAndOffline, `{"user_id": ["ann"], "clicks": [3], "share": [0.123456789012345678], "event_timestamp": ["2024-05-01T10:00:00"], "created": [null]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.12345679", entitykey.String("ann"))
	held(`[{"clicks":3,"created_timestamp":"2024-06-01T12:00:00Z","event_timestamp":"2024-05-01T10:00:00Z","share":0.12345679,"user_id":"ann"}` + "\n]")
	if r, err := offline.Range(t.Context(), table); err != nil || r.Rows != 1 {
		t.Errorf("two views of one source: %d rows (%v)", r.Rows, err)
	}
	if err := to("kept", push.Offline, `{"uid": ["ann"], "n_clicks": [4], "share": [null], "at": ["2024-05-02"], "loaded": ["2024-05-03"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.12345679", entitykey.String("ann"))
	held(`[{"clicks":4,"created_timestamp":"2024-05-03T00:00:00Z","event_timestamp":"2024-05-02T00:00:00Z","share":null,"user_id":"ann"}` + "\n]")

	for rows, want := range map[string]string{
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"], "more": [1]}`:                                    `source "history" has no column "more": its columns are at, loaded, uid, n_clicks, share`,
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "at": ["2024-05-01"], "event_timestamp": ["2024-05-01"]}`:                           `source "history" has no column "event_timestamp"`,
		`{"user_id": ["bob"], "clicks": [1], "event_timestamp": ["2024-05-01"]}`:                                                               `feature "share" of feature view "clicks" is missing`,
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"], "loaded": ["x"]}`:                                `row 1, column "loaded": "x" is no time`,
		`{"user_id": ["bob", "eve"], "clicks": [1, 2], "share": [1, 1], "event_timestamp": ["2024-05-01", null]}`:                              `row 2, column "event_timestamp": null is no time`,
		`{"user_id": ["bob", "eve"], "clicks": [1, 2], "share": [1, 5000000000000000000000], "event_timestamp": ["2024-05-01", "2024-05-01"]}`: `does not fit decimal`,
	} {
		err := to("clicked", push.OnlineAndOffline, rows)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", rows, err, want)
		}
	}
	b.holds(clicks, "2024-05-01T00:00:00Z clicks=1 share=1.0", entitykey.String("bob")) // of the last: what the source refused is said
	if err := to("clicked", push.Offline, `{"user_id": ["bob"], "clicks": ["x"], "share": [1], "event_timestamp": ["2024-05-01"]}`); !strings.Contains(fmt.Sprint(err), `row 1, column "clicks": "x" does not fit Int64, the type of column "n_clicks" of source "history"`) {
		t.Error(err)
	}
	if err := to("clicked", push.Offline, `{"user_id": [null], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"]}`); !strings.Contains(fmt.Sprint(err), `row 1, column "user_id": null is no value of column "uid" of source "history", a join key`) {
		t.Error(err)
	}
	if r, err := offline.Range(t.Context(), table); err != nil || r.Rows != 2 || opened == 0 {
		t.Errorf("%d rows after mistakes (%v)", r.Rows, err)
	}
	b.Offline = nil
	if err := to("clicked", push.Offline, `{"user_id": ["bob"]}`); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("without an offline store: %v", err)
	}
}

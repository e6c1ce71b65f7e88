package materialize_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/value"
)

// bench is a project: the view "fees" of users over the table fees. All but the
// offline store is in memory.
type bench struct {
	*testing.T
	*materialize.Materializer
	offline engine
	ledger  *memory.Ledger
	now     time.Time
	views   []*asof.FeatureView
}

func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

// engine is an offline store, and how a test fills its tables.
type engine struct {
	asof.OfflineStore
	put    func(t *testing.T, table string, rows arrow.RecordBatch)
	source func(table string) *asof.DataSource
}

func inMemory(*testing.T) engine {
	store := memory.NewOffline()
	return engine{store, func(_ *testing.T, table string, rows arrow.RecordBatch) { store.Put(table, rows) },
		func(table string) *asof.DataSource { return &asof.DataSource{Kind: asof.SourcePostgres, Table: table} }}
}

// onEngines runs a test on every offline store that the build has.
func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(benchOn(t, open(t))) })
	}
}

func newBench(t *testing.T) *bench { return benchOn(t, inMemory(t)) }

func benchOn(t *testing.T, offline engine) *bench {
	b := &bench{T: t, offline: offline, ledger: memory.NewLedger(), now: day(100)}
	b.Materializer = &materialize.Materializer{Project: "p", Registry: memory.NewRegistry(func() time.Time { return b.now }),
		Offline: b.offline, Online: memory.NewOnline(3), Ledger: b.ledger, Now: func() time.Time { return b.now }}
	b.apply(b.view("fees", "created"))
	b.table("fees", "")
	return b
}

// view is a view of users over the table of its name.
func (b *bench) view(name, created string) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Online: true, Enabled: true, Entities: []string{"user"},
		EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}},
		Features:      []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}},
		Source:        b.source(name, created)}
}

func (b *bench) source(table, created string) *asof.DataSource {
	s := b.offline.source(table)
	s.Name, s.TimestampField, s.CreatedField = table+"_source", "at", created
	return s
}

func (b *bench) apply(views ...*asof.FeatureView) {
	b.Helper()
	put := []asof.Object{&asof.Project{Name: "p"}}
	for _, v := range views {
		put = append(put, v)
	}
	if _, err := b.Registry.Apply(b.Context(), "p", asof.Change{Put: put}); err != nil {
		b.Fatal(err)
	}
	if err := b.Online.Update(b.Context(), "p", views, nil); err != nil {
		b.Fatal(err)
	}
	b.views = views
}

// table fills a table from "user day created value; …"; - is no created time.
func (b *bench) table(name, text string) {
	b.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: "at", Type: asof.Timestamp},
		{Name: "created", Type: asof.Timestamp, Nullable: true}, {Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var rows []string
	for row := range strings.SplitSeq(text, ";") {
		f := strings.Fields(row)
		if len(f) == 0 {
			continue
		}
		at := func(s string) string {
			var n int
			if _, err := fmt.Sscan(s, &n); err != nil {
				return "null"
			}
			return fmt.Sprintf("%q", day(n).Format(time.RFC3339))
		}
		rows = append(rows, fmt.Sprintf(`{"user": %q, "at": %s, "created": %s, "x": %s}`, f[0], at(f[1]), at(f[2]), f[3]))
	}
	batch, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		b.Fatal(err)
	}
	b.offline.put(b.T, name, batch)
	batch.Release()
}

func (b *bench) users(names ...string) arrow.RecordBatch {
	builder := array.NewRecordBuilder(arrowmemory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}}, nil))
	for _, n := range names {
		builder.Field(0).(*array.StringBuilder).Append(n)
	}
	return builder.NewRecordBatch()
}

// online returns what a view holds of users a to d, as a@day=value.
func (b *bench) online(view *asof.FeatureView) string {
	b.Helper()
	encoder, err := entitykey.NewEncoder(3, "user")
	if err != nil {
		b.Fatal(err)
	}
	r := &asof.Reading{View: view, Features: []string{"x"}}
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		key, err := encoder.Append(nil, entitykey.String(n))
		if err != nil {
			b.Fatal(err)
		}
		r.Keys = append(r.Keys, key)
	}
	if err := b.Online.Read(b.Context(), "p", []*asof.Reading{r}); err != nil {
		b.Fatal(err)
	}
	var held []string
	for i, n := range names {
		if r.Found[i] {
			held = append(held, fmt.Sprintf("%s@%d=%s", n, time.UnixMicro(r.Events[i]).UTC().YearDay(), value.AppendJSON(nil, r.Columns[0].Value(i), value.Plain)))
		}
	}
	return strings.Join(held, " ")
}

func (b *bench) holds(want string) {
	b.Helper()
	if got := b.online(b.views[0]); got != want {
		b.Errorf("the online store holds %q, want %q", got, want)
	}
}

// span tells a result's window in days.
func span(r materialize.Result) string {
	from := "oldest"
	if !r.Span.From.IsZero() {
		from = fmt.Sprint(r.Span.From.YearDay())
		if r.Span.From.Nanosecond() > 0 {
			from += "+"
		}
	}
	return from + ".." + fmt.Sprint(r.Span.To.YearDay())
}

func (b *bench) incremental(end int) materialize.Result {
	b.Helper()
	results, err := b.Incremental(b.Context(), day(end), nil)
	if err != nil {
		b.Fatal(err)
	}
	return results[0]
}

func (b *bench) materialize(from, to int) materialize.Result {
	b.Helper()
	results, err := b.Materialize(b.Context(), day(from), day(to), nil)
	if err != nil {
		b.Fatal(err)
	}
	return results[0]
}

func (b *bench) is(r materialize.Result, window string, read, written int64) {
	b.Helper()
	if span(r) != window || r.Read != read || r.Written != written {
		b.Errorf("window %s, read %d, written %d; want %s, %d, %d", span(r), r.Read, r.Written, window, read, written)
	}
}

func TestIncrementalGoesOnWhereItStopped(t *testing.T) { onEngines(t, goesOn) }

func goesOn(b *bench) {
	t := b.T
	b.table("fees", "a 10 - 1; a 20 - 2; b 20 - 3; c 40 - 4")
	b.is(b.incremental(31), "oldest..31", 2, 2) // never materialized: from the oldest row
	b.holds("a@20=2 b@20=3")
	r := b.incremental(31)
	b.is(r, "20+..31", 0, 0)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "fees_source has rows from 2024-01-10T00:00:00Z to 2024-02-09T00:00:00Z") {
		t.Errorf("nothing was found, and the notes are %q", r.Notes)
	}
	b.is(b.incremental(60), "20+..60", 1, 1)
	b.holds("a@20=2 b@20=3 c@40=4")
	// A month that came after a run had looked for it.
	b.table("fees", "a 10 - 1; a 20 - 2; b 20 - 3; c 40 - 4; d 50 - 5")
	b.is(b.incremental(70), "40+..70", 1, 1)
	b.holds("a@20=2 b@20=3 c@40=4 d@50=5")

	view, err := b.Registry.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if got := view.Views()[0].Intervals; len(got) != 1 || !got[0].From.Equal(day(10)) || !got[0].To.Equal(day(70)) {
		t.Errorf("the registry has the intervals %v, want one from day 10 to 70", got)
	}
}

func TestEmptySourceDoesNotMoveTheWatermark(t *testing.T) {
	b := newBench(t)
	r := b.incremental(50)
	b.is(r, "oldest..50", 0, 0)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "fees_source is empty") {
		t.Errorf("notes: %q", r.Notes)
	}
	b.table("fees", "a 10 - 1")
	b.is(b.incremental(60), "oldest..60", 1, 1)
	b.holds("a@10=1")
}

func TestMaterializeTakesBothEnds(t *testing.T) {
	b := newBench(t)
	b.table("fees", "a 10 - 1; b 11 - 2; c 20 - 3; d 21 - 4; a 9 - 5")
	b.is(b.materialize(10, 20), "10..20", 3, 3)
	b.holds("a@10=1 b@11=2 c@20=3")
	b.is(b.materialize(1, 9), "1..9", 1, 0) // older than what is there
	b.holds("a@10=1 b@11=2 c@20=3")
	// The spans 1..9 and 10..20 leave a gap between them.
	b.is(b.incremental(30), "9..30", 4, 4)
	b.holds("a@10=1 b@11=2 c@20=3 d@21=4")
}

func TestOverlapAndFuture(t *testing.T) {
	b := newBench(t)
	b.table("fees", "a 10 - 1; b 20 - 1")
	b.incremental(31)
	b.Overlap = 15 * 24 * time.Hour
	b.table("fees", "a 10 - 1; b 20 - 1; c 6 - 2; d 4 - 3")
	b.is(b.incremental(31), "5+..31", 3, 3)
	b.holds("a@10=1 b@20=1 c@6=2")

	b.Overlap = 0
	r := b.incremental(200)
	b.is(r, "20+..100", 0, 0)
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "in the future") {
		t.Errorf("notes of an end in the future: %q", r.Notes)
	}
	if r := b.incremental(15); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "already") {
		t.Errorf("notes of an end before the watermark: %q", r.Notes)
	}
}

func TestLateRowsAreFoundByTheirCreatedTime(t *testing.T) { onEngines(t, lateRows) }

func lateRows(b *bench) {
	t := b.T
	b.now = day(40)
	b.table("fees", "a 10 10 1; a 12 12 2; b 30 30 3")
	b.incremental(40)
	b.now = day(50)
	b.table("fees", "a 10 10 1; a 12 12 2; b 30 30 3; a 11 45 9; c 5 45 4; c 4 46 8; b 29 44 7; d 45 45 5; a 12 46 6")
	r := b.incremental(50)
	b.holds("a@12=6 b@30=3 c@5=4 d@45=5")
	if r.Late != 3 || r.Written != 4 { // a and c, b whose late row is older, and d
		t.Errorf("%d late of %d written, want 3 of 4", r.Late, r.Written)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "3 keys of 4 were written because rows from before 2024-01-30T00:00:00.000001Z") {
		t.Errorf("notes: %q", r.Notes)
	}
	b.now = day(60)
	if r := b.incremental(60); r.Late != 0 {
		t.Errorf("%d rows are late for the second time", r.Late)
	}
}

func TestFeastsIntervals(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		b := newBench(t)
		v := b.view("fees", "")
		b.apply(v)
		if err := b.Registry.RecordMaterialization(t.Context(), "p", "fees", asof.Interval{From: day(1), To: day(15)}); err != nil {
			t.Fatal(err)
		}
		b.table("fees", "a 10 - 1; b 20 - 2")
		b.FeastIntervals = trusted
		r := b.incremental(31)
		if trusted {
			b.is(r, "15..31", 1, 1)
			b.holds("b@20=2")
		} else {
			b.is(r, "oldest..31", 2, 2)
			if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "oldest row") {
				t.Errorf("notes: %q", r.Notes)
			}
		}
	}
}

func TestFollowSetsDroppedKeysRight(t *testing.T) { onEngines(t, followsDropped) }

func followsDropped(b *bench) {
	t := b.T
	january, february := day(31), day(60)
	follow := func(asOf time.Time, dropped ...string) materialize.Result {
		t.Helper()
		changes := []asof.TableChange{{Table: "elsewhere"}}
		if len(dropped) > 0 {
			changes = append(changes, asof.TableChange{Table: "fees", Dropped: b.users(dropped...)})
		}
		results, err := b.Follow(t.Context(), asOf, nil, changes, "pipeline ingest_month")
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	b.table("fees", "a 31 - 1; b 31 - 2")
	b.is(follow(january), "31..31", 2, 2)
	b.table("fees", "a 31 - 1; b 31 - 2; a 60 - 3; b 60 - 4; c 60 - 5; d 61 - 9")
	b.is(follow(february), "60..60", 3, 3)
	b.holds("a@60=3 b@60=4 c@60=5")
	// A corrected February drops b and c, and corrects a.
	b.table("fees", "a 31 - 1; b 31 - 2; a 60 - 7; d 61 - 9")
	for range 2 { // after a crash it is done again
		r := follow(february, "b", "c")
		if r.Restored != 1 || r.Removed != 1 {
			t.Errorf("%d restored, %d removed; want 1 and 1", r.Restored, r.Removed)
		}
		b.holds("a@60=7 b@31=2")
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "1 hold the newest row left of them, and 1 were removed") {
			t.Errorf("notes: %q", r.Notes)
		}
	}
	// A corrected January drops a, of which February is left, and d, whose
	// only row was never materialized.
	b.table("fees", "b 31 - 8; a 60 - 7; d 61 - 9")
	r := follow(january, "a", "d")
	if r.Restored != 1 || r.Removed != 1 {
		t.Errorf("%d restored, %d removed; want 1 and 1", r.Restored, r.Removed)
	}
	b.holds("a@60=7 b@31=8")
	all, err := b.ledger.Materializations(t.Context(), "p", "fees")
	if err != nil || len(all) != 5 || all[0].Cause != "pipeline ingest_month" || !all[0].Span.To.Equal(january) {
		t.Errorf("the ledger has %v (%v)", all, err)
	}
	// Pipelines leave gaps: what lies in them is materialized by the next run.
	b.table("fees", "b 31 - 8; c 45 - 1; a 60 - 7; d 61 - 9")
	b.is(b.incremental(90), "31..90", 4, 4)
	b.holds("a@60=7 b@31=8 c@45=1 d@61=9")
}

func TestFailedViewsAreToldAndDoNotCount(t *testing.T) {
	b := newBench(t)
	b.apply(b.view("fees", ""), b.view("missing", ""))
	b.table("fees", "a 10 - 1")
	results, err := b.Incremental(t.Context(), day(31), nil)
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `"missing" was not materialized`) {
		t.Errorf("the error is %v", err)
	}
	if results[0].Err != nil || results[0].Written != 1 || results[1].Err == nil {
		t.Errorf("results: %+v", results)
	}
	entries, err := b.ledger.Materializations(t.Context(), "p", "missing")
	if err != nil || len(entries) != 1 || entries[0].Error == "" || entries[0].Finished.IsZero() {
		t.Errorf("the ledger has %+v (%v)", entries, err)
	}
	b.table("missing", "a 10 - 1")
	results, err = b.Incremental(t.Context(), day(31), []string{"missing"})
	if err != nil || span(results[0]) != "oldest..31" {
		t.Errorf("after a failure: %+v, %v", results, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Materialize(ctx, day(1), day(31), []string{"fees"}); err == nil {
		t.Error("a cancelled run succeeded")
	}
	entries, err = b.ledger.Materializations(t.Context(), "p", "fees")
	if err != nil || entries[0].Error == "" {
		t.Errorf("a cancelled run left %+v (%v)", entries[0], err)
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	b := newBench(t)
	off, disabled, stream, timeless := b.view("off", ""), b.view("disabled", ""), b.view("stream", ""), b.view("timeless", "")
	off.Online, disabled.Enabled, stream.Source, timeless.Source.TimestampField = false, false, nil, ""
	b.apply(b.view("fees", ""), off, disabled, stream, timeless)
	if _, err := b.Registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&asof.OnDemandFeatureView{Name: "computed"}}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"fee": `did you mean "fees"`, "off": "online=False", "disabled": "is disabled",
		"stream": "no batch source", "timeless": "no timestamp_field", "computed": "on demand",
	} {
		if _, err := b.Incremental(t.Context(), day(31), []string{name}); err == nil || !strings.Contains(err.Error(), want) || asof.ErrorCode(err) == asof.CodeInternal {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if _, err := b.Materialize(t.Context(), day(2), day(1), nil); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a start after the end: %v", err)
	}
	if _, err := b.Materialize(t.Context(), day(101), day(102), nil); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a start in the future: %v", err)
	}
	results, err := b.Incremental(t.Context(), day(31), nil)
	if err != nil || len(results) != 1 || results[0].View != "fees" {
		t.Errorf("the views that are online: %+v, %v", results, err)
	}
	b.Project = "other"
	if _, err := b.Incremental(t.Context(), day(31), nil); asof.ErrorCode(err) != asof.CodeNotFound || !strings.Contains(err.Error(), "asof apply") {
		t.Errorf("a project that was never applied: %v", err)
	}
}

package materialize_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
)

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
	r := b.materialize(1, 9)
	b.is(r, "1..9", 1, 0) // older than what is there
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "nothing was written") {
		t.Errorf("an older row was found and not written, and the notes are %q", r.Notes)
	}
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
	if r.Late != 2 || r.Written != 3 { // a and c, not b whose late row is older than what is there, and d
		t.Errorf("%d late of %d written, want 2 of 3", r.Late, r.Written)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "2 keys of 3 were written because rows from before 2024-01-30T00:00:00.000001Z") {
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
			// Two tables of a month drop the same keys: they count once.
			changes = append(changes, asof.TableChange{Table: "fees", Dropped: b.users(dropped...)},
				asof.TableChange{Table: "users", Dropped: b.users(dropped...)})
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
	all, err := b.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p", Views: []string{"fees"}})
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
	entries, err := b.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p", Views: []string{"missing"}})
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
	entries, err = b.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p", Views: []string{"fees"}})
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

// failing is a registry and a ledger that fail at the step that is named.
type failing struct {
	asof.Registry
	asof.Ledger
	at string
}

func (f *failing) Close() error { return nil }

func (f *failing) RecordMaterialization(ctx context.Context, project, view string, span asof.Interval) error {
	if f.at == "interval" {
		return asof.Errorf(asof.CodeUnavailable, "the registry is gone")
	}
	return f.Registry.RecordMaterialization(ctx, project, view, span)
}

func (f *failing) Finish(ctx context.Context, m asof.Materialization) error {
	if f.at == "finish" {
		return asof.Errorf(asof.CodeUnavailable, "the ledger is gone")
	}
	return f.Ledger.Finish(ctx, m)
}

// TestWatermarkMovesLast stops a run at either of its last steps: the next one
// starts where that one did, and leaves what an undisturbed run leaves.
func TestWatermarkMovesLast(t *testing.T) {
	for _, at := range []string{"interval", "finish"} {
		b := newBench(t)
		b.table("fees", "a 10 - 1; b 20 - 2")
		f := &failing{Registry: b.Registry, Ledger: b.ledger, at: at}
		b.Registry, b.Ledger = f, f
		if _, err := b.Incremental(t.Context(), day(31), nil); asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "is gone") {
			t.Errorf("stopped at %s: %v", at, err)
		}
		b.holds("a@10=1 b@20=2")
		f.at = ""
		b.is(b.incremental(31), "oldest..31", 2, 2)
		b.holds("a@10=1 b@20=2")
		b.is(b.incremental(31), "20+..31", 0, 0)
	}
}

func TestDryRunWritesNothing(t *testing.T) { onEngines(t, dryRun) }

func dryRun(b *bench) {
	t := b.T
	b.now = day(40)
	b.table("fees", "a 10 10 1; b 20 20 2; b 30 30 3")
	for range 2 {
		b.DryRun = true
		b.is(b.incremental(35), "oldest..35", 2, 0)
		b.is(b.materialize(1, 15), "1..15", 1, 0)
		if r := b.materialize(2, 3); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "has rows from 2024-01-10T00:00:00Z") {
			t.Errorf("notes of an empty window: %q", r.Notes)
		}
		b.holds("")
	}
	entries, err := b.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p"})
	snapshot, failed := b.Registry.Snapshot(t.Context(), "p")
	if err != nil || failed != nil || len(entries) != 0 || len(snapshot.Views()[0].Intervals) != 0 {
		t.Errorf("the ledger has %v, the registry %v (%v, %v)", entries, snapshot.Views()[0].Intervals, err, failed)
	}
	b.DryRun = false
	b.incremental(35)
	b.now = day(50)
	b.table("fees", "a 10 10 1; b 20 20 2; b 30 30 3; a 12 45 4; c 38 45 5")
	b.DryRun = true
	if r := b.incremental(50); r.Read != 1 || r.Late != 1 || r.Written != 0 {
		t.Errorf("read %d, late %d, written %d; want 1, 1, 0", r.Read, r.Late, r.Written)
	}
	b.holds("a@10=1 b@30=3")
}

// TestTwoRunsOfAView starts a second run while one is at work: it waits and
// goes on where that one ended, or it refuses.
func TestTwoRunsOfAView(t *testing.T) {
	b := newBench(t)
	b.table("fees", "a 10 - 1; b 20 - 2")
	unlock, err := b.ledger.Lock(t.Context(), "p", "fees", false)
	if err != nil {
		t.Fatal(err)
	}
	refusing := *b.Materializer
	refusing.NoWait = true
	if _, err := refusing.Incremental(t.Context(), day(31), nil); asof.ErrorCode(err) != asof.CodeConflict || !strings.Contains(err.Error(), `another run materializes`) {
		t.Errorf("a second run that does not wait: %v", err)
	}
	b.Progress = func(step string, _, _ int64) {
		if strings.HasPrefix(step, "wait") { // the first run ends while the second waits
			first := *b.Materializer
			first.Ledger, first.Progress = unlocked{b.ledger}, nil
			if _, err := first.Incremental(t.Context(), day(15), nil); err != nil {
				t.Error(err)
			}
			unlock()
		}
	}
	r := b.incremental(31)
	b.is(r, "10+..31", 1, 1)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "waited") {
		t.Errorf("notes: %q", r.Notes)
	}
	b.holds("a@10=1 b@20=2")
}

// unlocked is the ledger of a run that has its lock already.
type unlocked struct{ asof.Ledger }

func (unlocked) Lock(context.Context, string, string, bool) (func(), error) { return func() {}, nil }

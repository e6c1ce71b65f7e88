package materialize_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
)

// months is a bench after two months: January's run, and February's, which
// corrects a, leaves b alone in January, and adds c and d. It returns when
// February was published.
func months(t *testing.T) (*bench, time.Time) {
	b := newBench(t)
	b.apply(b.view("fees", ""), b.view("others", ""))
	b.table("others", "a 31 - 1")
	b.table("fees", "a 31 - 1; b 31 - 2")
	follow := func(asOf int) {
		t.Helper()
		if _, err := b.Follow(t.Context(), day(asOf), nil, nil, "pipeline ingest_month"); err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(time.Hour)
	}
	follow(31)
	at := b.now
	b.table("fees", "a 31 - 1; b 31 - 2; a 60 - 3; c 60 - 5; d 60 - 6")
	follow(60)
	b.holds("a@60=3 b@31=2 c@60=5 d@60=6")
	return b, at
}

func (b *bench) undo(run string, at time.Time) []materialize.Result {
	b.Helper()
	results, err := b.Undo(b.Context(), materialize.Undo{Run: run, At: at, Tables: []string{"FEES", "somewhere"}})
	if err != nil {
		b.Fatal(err)
	}
	return results
}

// covered returns what counts of a view's runs, in days.
func (b *bench) covered(view string) string {
	b.Helper()
	all, err := b.ledger.Materializations(b.Context(), asof.MaterializationQuery{Project: "p", Views: []string{view}})
	if err != nil {
		b.Fatal(err)
	}
	c, days := asof.Covered(all), ""
	for _, at := range []time.Time{c.Watermark, c.End, c.Newest} {
		if at.IsZero() {
			days += " -"
		} else {
			days += fmt.Sprint(" ", at.YearDay())
		}
	}
	return fmt.Sprint(c.Known, days)
}

func TestUndoPutsTheOnlineStoreBack(t *testing.T) {
	b, at := months(t)
	// A run of somebody else reads February too; a push is newer than all runs.
	b.is(b.incremental(70), "31..70", 4, 4)
	b.push("d 80 - 9")
	b.holds("a@60=3 b@31=2 c@60=5 d@80=9")
	b.table("fees", "a 31 - 1; b 31 - 2") // February is rolled back
	results := b.undo("r2", at)
	if len(results) != 1 || results[0].View != "fees" || results[0].Read != 2 || results[0].Restored != 1 || results[0].Written != 1 || results[0].Removed != 1 {
		t.Errorf("results = %+v", results)
	}
	b.holds("a@31=1 b@31=2 d@80=9")
	if got := b.covered("fees"); got != "true 31 31 31" {
		t.Errorf("fees is covered up to %s", got)
	}
	if got := b.covered("others"); got != "true 70 70 31" {
		t.Errorf("others is covered up to %s", got)
	}
	all, err := b.ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p", Views: []string{"fees"}})
	if err != nil || len(all) != 4 || all[0].Cause != "rollback r2" || !all[0].Done() || !all[1].Undone() || !all[2].Undone() || !all[3].Done() {
		t.Errorf("the ledger has %+v, %v", all, err)
	}
	if again := b.undo("r2", at); len(again) > 0 {
		t.Errorf("again: %+v", again)
	}
	// The month that comes again, also without its pipeline's own step.
	b.table("fees", "a 31 - 1; b 31 - 2; a 60 - 4; c 60 - 5")
	b.is(b.incremental(71), "31..71", 3, 3)
	b.holds("a@60=4 b@31=2 c@60=5 d@80=9")
}

// Of a view's first run nothing is left: the next one starts at the oldest row.
func TestUndoOfTheFirstRun(t *testing.T) {
	b := newBench(t)
	b.table("fees", "a 31 20 1; b 31 20 2")
	b.incremental(40)
	b.table("fees", "")
	gone := materialize.Undo{Run: "r1", At: b.now, Tables: []string{"fees"}}
	if _, err := b.Undo(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	b.holds("")
	if got := b.covered("fees"); got != "true - - -" {
		t.Errorf("covered: %s", got)
	}
	b.table("fees", "a 10 20 3")
	b.is(b.incremental(40), "oldest..40", 1, 1)
	b.holds("a@10=3")

	// Its table has gone with it.
	gone.Run, gone.Gone = "r2", []string{"fees"}
	b.Offline = unreadable{b.Offline}
	if _, err := b.Undo(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	b.holds("")
	gone.Run, gone.Gone = "r3", nil
	b.now = b.now.Add(time.Hour)
	if _, err := b.Undo(t.Context(), gone); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a source that can't be read: %v", err)
	}
}

// unreadable is a store whose tables are not there.
type unreadable struct{ asof.OfflineStore }

func (unreadable) PullLatest(context.Context, *asof.Latest) (array.RecordReader, error) {
	return nil, asof.Errorf(asof.CodeInvalid, "there is no table")
}

// A row has the created time of its source again: a correction that is older
// than the one that was rolled back is taken.
func TestUndoForgetsCreatedTimes(t *testing.T) {
	b := newBench(t)
	b.table("fees", "a 31 40 1")
	b.incremental(50)
	b.now = b.now.Add(time.Hour)
	at := b.now
	b.table("fees", "a 31 90 1")
	b.materialize(1, 50)
	b.table("fees", "a 31 40 1")
	b.undo("r2", at)
	b.push("a 31 60 7")
	b.holds("a@31=7")
}

// A rollback is cut off before each of its writes, and done again.
func TestUndoIsRepeated(t *testing.T) {
	for n := 1; ; n++ {
		b, at := months(t)
		b.table("fees", "a 31 - 1; b 31 - 2")
		left := n
		whole := *b.Materializer
		b.Online, b.Ledger = cutStore{b.Online, &left}, cutLedger{b.Ledger, &left}
		_, err := b.Undo(t.Context(), materialize.Undo{Run: "r2", At: at, Tables: []string{"fees"}})
		b.Materializer = &whole
		if err == nil {
			if n < 6 {
				t.Errorf("only %d writes were seen", n-1)
			}
			return
		}
		b.undo("r2", at)
		b.holds("a@31=1 b@31=2")
		if got := b.covered("fees"); got != "true 31 31 31" {
			t.Errorf("cut off at write %d: covered up to %s", n, got)
		}
		if again := b.undo("r2", at); len(again) > 0 {
			t.Errorf("cut off at write %d: a third time: %+v", n, again)
		}
	}
}

var errCut = errors.New("cut off")

func cut(left *int) error {
	if *left--; *left <= 0 { // a dead process writes nothing more
		return errCut
	}
	return nil
}

type cutStore struct {
	asof.OnlineStore
	left *int
}

func (s cutStore) Restore(ctx context.Context, project string, v *asof.FeatureView, set, remove arrow.RecordBatch) error {
	if err := cut(s.left); err != nil {
		return err
	}
	return s.OnlineStore.Restore(ctx, project, v, set, remove)
}

func (s cutStore) Keys(ctx context.Context, project string, v *asof.FeatureView, each func([][]byte) error) error {
	return s.OnlineStore.(asof.KeyLister).Keys(ctx, project, v, each)
}

type cutLedger struct {
	asof.Ledger
	left *int
}

func (l cutLedger) Begin(ctx context.Context, m asof.Materialization) (int64, error) {
	if err := cut(l.left); err != nil {
		return 0, err
	}
	return l.Ledger.Begin(ctx, m)
}

func (l cutLedger) Finish(ctx context.Context, m asof.Materialization) error {
	if err := cut(l.left); err != nil {
		return err
	}
	return l.Ledger.Finish(ctx, m)
}

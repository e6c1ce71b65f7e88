package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
)

// servers runs loops on a store until the function that it returns is called.
func servers(t *testing.T, n int, poll time.Duration, store asof.RunSchedules, entries ...Entry) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range n {
		l := &Loop{Project: "p", Store: store, Entries: func() []Entry { return entries }, Poll: poll}
		all.Go(func() { l.Run(ctx) })
	}
	return func() { cancel(); all.Wait() }
}

func timetable(t *testing.T, catchUp CatchUp, text string) Entry {
	t.Helper()
	zone, err := Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	table, err := Cron(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return Entry{Pipeline: "month", Text: "cron " + text, Times: table, CatchUp: catchUp, Run: func(at time.Time, _ map[string]string) (asof.Run, error) {
		return asof.Run{Project: "p", Pipeline: "month", Params: map[string]string{"at": at.In(zone).Format("02 15:04")}}, nil
	}}
}

// entered are the runs of a store, by a parameter, in the order of their due
// times and then as they were submitted.
func entered(t *testing.T, store asof.RunHistory, param string) []string {
	t.Helper()
	runs, err := store.Runs(t.Context(), asof.RunQuery{Project: "p", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(runs)
	slices.SortStableFunc(runs, func(a, b asof.Run) int { return a.Due.Compare(b.Due) })
	var got []string
	for _, r := range runs {
		got = append(got, r.Params[param])
	}
	return got
}

// TestLoop: three servers, which stop, stand still and are paused, enter one run
// for each time.
func TestLoop(t *testing.T) {
	for _, c := range []struct {
		catchUp CatchUp
		want    []string
	}{
		{CatchUpNone, []string{"01 06:00", "01 12:00", "05 12:00", "05 18:00", "06 18:00"}},
		{CatchUpLast, []string{"01 06:00", "01 12:00", "05 06:00", "05 12:00", "05 18:00", "06 12:00", "06 18:00"}},
		{CatchUpAll, []string{"01 06:00", "01 12:00", "01 18:00", "02 00:00", "02 06:00", "02 12:00", "02 18:00", "03 00:00", "03 06:00", "03 12:00", "03 18:00",
			"04 00:00", "04 06:00", "04 12:00", "04 18:00", "05 00:00", "05 06:00", "05 12:00", "05 18:00", "06 00:00", "06 06:00", "06 12:00", "06 18:00"}},
	} {
		t.Run(string(c.catchUp), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.NewRuns()
				every6h := timetable(t, c.catchUp, "0 */6 * * *")
				time.Sleep(30 * time.Minute) // 1 January 2000, 01:30 in Berlin
				stop := servers(t, 3, 5*time.Minute, store, every6h)
				time.Sleep(12 * time.Hour)
				stop()
				time.Sleep(90 * time.Hour) // 5 January, 07:30
				stop = servers(t, 3, 5*time.Minute, store, every6h)
				time.Sleep(12 * time.Hour)
				if err := store.Pause(t.Context(), "p", "month", true); err != nil {
					t.Fatal(err)
				}
				time.Sleep(18*time.Hour - 5*time.Minute) // 6 January, 13:25
				if err := store.Pause(t.Context(), "p", "month", false); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Hour)
				stop()
				if got := entered(t, store, "at"); !slices.Equal(got, c.want) {
					t.Errorf("\n got %v\nwant %v", got, c.want)
				}
			})
		})
	}
}

// TestLoopAhead: a run is in the store before its time, not before Ahead of it,
// and a worker is told.
func TestLoopAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, entry := memory.NewRuns(), timetable(t, CatchUpAll, "0 6 * * *")
		var told atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		l := &Loop{Project: "p", Store: store, Poll: time.Minute, Entries: func() []Entry { return []Entry{entry} }, Fired: func() { told.Add(1) }}
		var done sync.WaitGroup
		done.Go(func() { l.Run(ctx) })
		time.Sleep(5*time.Hour - Ahead - time.Millisecond)
		if got := entered(t, store, "at"); got != nil || told.Load() != 0 {
			t.Errorf("too early: %v", got)
		}
		time.Sleep(2 * time.Millisecond)
		runs, err := store.Runs(ctx, asof.RunQuery{Project: "p"})
		if err != nil || len(runs) != 1 || runs[0].State != asof.RunScheduled || told.Load() != 1 {
			t.Fatalf("%+v, %v, told %d", runs, err, told.Load())
		}
		if r := runs[0]; r.Cause != "schedule cron 0 6 * * *" || r.Key != "schedule month: cron 0 6 * * * 2000-01-01T05:00:00Z" || !r.Due.Equal(time.Date(2000, 1, 1, 5, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", r)
		}
		cancel()
		done.Wait()
	})
}

// TestLoopMistakes: a schedule that cannot fire is told once, holds up no other,
// and fires when it can.
func TestLoopMistakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := timetable(t, CatchUpAll, "0 6 * * *"), timetable(t, CatchUpAll, "0 7 * * *")
		var mended atomic.Bool
		run := bad.Run
		bad.Run = func(at time.Time, found map[string]string) (asof.Run, error) {
			if !mended.Load() {
				return asof.Run{}, errors.New("the parameter x is missing")
			}
			return run(at, found)
		}
		var log bytes.Buffer
		store := memory.NewRuns()
		ctx, cancel := context.WithCancel(t.Context())
		l := &Loop{Project: "p", Store: store, Poll: time.Minute, Entries: func() []Entry { return []Entry{bad, good} }, Log: slog.New(slog.NewTextHandler(&log, nil))}
		var done sync.WaitGroup
		done.Go(func() { l.Run(ctx) })
		time.Sleep(48 * time.Hour)
		if got := entered(t, store, "at"); !slices.Equal(got, []string{"01 06:00", "02 06:00"}) || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "x is missing") {
			t.Errorf("%v\n%s", got, log.String())
		}
		mended.Store(true)
		time.Sleep(time.Hour)
		if got := entered(t, store, "at"); !slices.Equal(got, []string{"01 06:00", "01 07:00", "02 06:00", "02 07:00"}) {
			t.Errorf("%v", got)
		}
		cancel()
		done.Wait()
	})
}

// TestLoopMany: a schedule that has many times to catch up with gets all of
// them, in parts.
func TestLoopMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, entry := memory.NewRuns(), timetable(t, CatchUpAll, "*/5 * * * *")
		stop := servers(t, 1, time.Second, store, entry)
		time.Sleep(time.Second)
		stop()
		time.Sleep(24 * time.Hour)
		stop = servers(t, 2, 5*time.Second, store, entry)
		time.Sleep(10 * time.Second)
		stop()
		if got := entered(t, store, "at"); len(got) != 288 || got[0] != "01 01:05" || got[287] != "02 01:00" {
			t.Errorf("%d: %v", len(got), got)
		}
	})
}

// TestLoopFolders: each folder is run once when it is complete, and again when a
// file of it was corrected.
func TestLoopFolders(t *testing.T) {
	for _, c := range []struct {
		catchUp CatchUp
		want    string
	}{{CatchUpNone, "[] [m_3] [m_3 m_1]"}, {CatchUpLast, "[m_2] [m_2 m_3] [m_2 m_3 m_1]"}, {CatchUpAll, "[m_1 m_2] [m_1 m_2 m_3] [m_1 m_2 m_3 m_1]"}} {
		t.Run(string(c.catchUp), func(t *testing.T) {
			root := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				entry := Entry{Pipeline: "month", Text: "folder {month}", Folder: &Folder{Root: root, Pattern: "{month}", Files: []string{"a", "b"}, Settle: time.Minute}, CatchUp: c.catchUp,
					Run: func(_ time.Time, found map[string]string) (asof.Run, error) {
						if found["month"] == "wrong" {
							return asof.Run{}, errors.New("wrong is no month")
						}
						return asof.Run{Project: "p", Pipeline: "month", Params: found}, nil
					}}
				put(t, root, "m_1/a", "m_1/b", "m_2/a", "m_2/b")
				store := memory.NewRuns()
				var got []string
				note := func() { got = append(got, fmt.Sprint(entered(t, store, "month"))) }
				stop := servers(t, 2, 5*time.Second, store, entry)
				time.Sleep(2 * time.Minute)
				note()
				put(t, root, "m_3/a", "wrong/a", "wrong/b")
				time.Sleep(2 * time.Minute)
				put(t, root, "m_3/b")
				time.Sleep(2 * time.Minute)
				stop()
				stop = servers(t, 2, 5*time.Second, store, entry) // which remembers nothing itself
				time.Sleep(2 * time.Minute)
				note()
				later := time.Now().AddDate(100, 0, 0) // the files' time is not the bubble's
				if err := os.Chtimes(filepath.Join(root, "m_1", "b"), later, later); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				note()
				stop()
				if strings.Join(got, " ") != c.want {
					t.Errorf("got %v, want %s", got, c.want)
				}
			})
		})
	}
}

package schedule

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/asof-dev/asof"
)

// Entry is a schedule of a pipeline: Times or Folder.
type Entry struct {
	Pipeline string
	Text     string    // what the pipeline's file says of it; with other words it is another schedule
	Times    Timetable // nil where runs follow the files of Folder
	Folder   *Folder
	CatchUp  CatchUp // of Folder: which of those that are there at first are run

	// Run makes the run for an instant, with the parameters that a folder's
	// path gives. The loop fills in its Key, Cause and Due.
	Run func(at time.Time, found map[string]string) (asof.Run, error)
}

// Name is what a store of runs knows the schedule by. Pauses are kept under the
// name of the pipeline, for all of its schedules.
func (e Entry) Name() string { return e.Pipeline + ": " + e.Text }

// Ahead is how long before its time a run is entered, so that a worker can wait
// for the instant.
const Ahead = time.Second

// Loop enters the runs of schedules when they are due. Several loops, also on
// several hosts, may work on one store: each time fires once. A schedule counts
// from the first moment in which a loop sees it.
type Loop struct {
	Project string
	Store   asof.RunSchedules
	Entries func() []Entry // as they are now; asked every Poll
	Fired   func()         // is told that there are new runs; nil for nobody
	Poll    time.Duration  // how often folders, pauses and Entries are looked at; 0 is 2 s
	Now     func() time.Time
	Log     *slog.Logger // gets what goes wrong; nil for nowhere

	settling map[string]*Settling // by Entry.Name
	told     map[string]string    // what was logged last, by Entry.Name, so that it is said once
}

// Run works until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	l.Poll = cmp.Or(l.Poll, 2*time.Second)
	if l.Now == nil {
		l.Now = time.Now
	}
	if l.Log == nil {
		l.Log = slog.New(slog.DiscardHandler)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := l.Now().UTC().Truncate(time.Microsecond) // which stores keep
		timer.Reset(min(l.look(ctx, now).Sub(now), l.Poll))
	}
}

// look enters what is due and returns when to look again at the latest.
func (l *Loop) look(ctx context.Context, now time.Time) time.Time {
	next := now.Add(l.Poll)
	known, err := l.known(ctx)
	if l.tell("", err) {
		return next
	}
	for _, e := range l.Entries() {
		if known[e.Pipeline].Paused {
			continue
		}
		pass := pass{Loop: l, Entry: e, known: known, now: now}
		var again time.Time
		if e.Times != nil {
			again, err = pass.times(ctx)
		} else {
			again, err = pass.folders(ctx)
		}
		if !l.tell(e.Name(), err) && !again.IsZero() && again.Before(next) {
			next = again
		}
	}
	return next
}

// tell logs what is wrong with a schedule, once, and reports whether anything
// is.
func (l *Loop) tell(name string, err error) bool {
	var message string
	if err != nil {
		message = err.Error()
	}
	if l.told == nil {
		l.told = map[string]string{}
	}
	if message != "" && message != l.told[name] {
		l.Log.Error("a schedule does not fire", "schedule", name, "error", err)
	}
	l.told[name] = message
	return err != nil
}

// known is what the store remembers, by name.
func (l *Loop) known(ctx context.Context) (map[string]asof.RunSchedule, error) {
	list, err := l.Store.Schedules(ctx, l.Project)
	known := make(map[string]asof.RunSchedule, len(list))
	for _, s := range list {
		known[s.Name] = s
	}
	return known, err
}

// pass looks at one schedule once.
type pass struct {
	*Loop
	Entry
	known map[string]asof.RunSchedule
	now   time.Time
}

// atOnce is how many runs are entered as one.
const atOnce = 100

// times enters the runs that a timetable has until Ahead of now, and returns
// when it has the next.
func (p pass) times(ctx context.Context) (again time.Time, err error) {
	last := p.known[p.Name()].Last
	if last.IsZero() {
		last = p.now.Add(Ahead)
		if _, err := p.Store.Fire(ctx, p.Project, p.Name(), time.Time{}, last); err != nil {
			return again, err
		}
	}
	due, until := Due(p.Times, last, p.now.Add(Ahead), p.CatchUp, atOnce)
	if len(due) > 0 {
		runs := make([]asof.Run, len(due))
		for i, at := range due {
			if runs[i], err = p.run("schedule "+p.Name()+" "+at.UTC().Format(time.RFC3339), at, nil); err != nil {
				return again, err
			}
			runs[i].Due = at
		}
		if err := p.fire(ctx, p.Name(), last, due[len(due)-1], runs...); err != nil {
			return again, err
		}
	}
	if next := p.Times.Next(until); !next.IsZero() {
		again = next.Add(-Ahead)
	}
	return again, nil
}

// folders enters a run for each folder that is complete, and has changed since
// it was last run, and returns when another will have settled.
func (p pass) folders(ctx context.Context) (again time.Time, err error) {
	found, err := p.Folder.Look()
	if err != nil {
		return again, err
	}
	if p.known[p.Name()].Last.IsZero() {
		if err := p.first(ctx, found); err != nil {
			return again, err
		}
	}
	if p.settling == nil {
		p.Loop.settling = map[string]*Settling{}
	}
	settling := p.settling[p.Name()]
	if settling == nil {
		settling = &Settling{}
		p.settling[p.Name()] = settling
	}
	ready, again := settling.Ready(*p.Folder, found, p.now)
	for _, one := range ready {
		last := p.known[p.nameOf(one)].Last
		if !one.Changed.After(last) {
			continue
		}
		run, err := p.run("folder "+one.Path+" "+one.Changed.Format(time.RFC3339Nano), p.now, one.Params)
		if p.tell(p.nameOf(one), err) {
			continue
		}
		if err := p.fire(ctx, p.nameOf(one), last, one.Changed, run); err != nil {
			return again, err
		}
	}
	return again, nil
}

// nameOf is what the store knows a folder by.
func (p pass) nameOf(one Found) string { return p.Name() + " = " + one.Path }

// first takes those folders as run that are there when the schedule is first
// seen, and are not to be caught up with.
func (p pass) first(ctx context.Context, found []Found) error {
	switch p.CatchUp {
	case CatchUpAll:
		found = nil
	case CatchUpLast:
		found = found[:max(len(found)-1, 0)]
	}
	for _, one := range found {
		if _, err := p.Store.Fire(ctx, p.Project, p.nameOf(one), time.Time{}, one.Changed); err != nil {
			return err
		}
		p.known[p.nameOf(one)] = asof.RunSchedule{Last: one.Changed}
	}
	_, err := p.Store.Fire(ctx, p.Project, p.Name(), time.Time{}, p.now)
	return err
}

// run makes a run of the schedule.
func (p pass) run(key string, at time.Time, found map[string]string) (asof.Run, error) {
	run, err := p.Entry.Run(at, found)
	run.Key, run.Cause = key, "schedule "+p.Text
	return run, err
}

// fire enters runs, unless another loop has.
func (p pass) fire(ctx context.Context, name string, last, at time.Time, runs ...asof.Run) error {
	fired, err := p.Store.Fire(ctx, p.Project, name, last, at, runs...)
	if fired && p.Fired != nil {
		p.Fired()
	}
	return err
}

package materialize

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Job is a run in the background. It does not change once it is done.
type Job struct {
	ID       string
	Views    []string
	Started  time.Time
	Finished time.Time // zero while it runs
	Results  []Result  // of a job that is done
	Err      error     // of a job that failed

	done  chan struct{} // closed once ended is set
	ended *Job
}

// Jobs runs materializations in the background, so that they outlive the
// request that asked for them, and tells what became of them. Its zero value is
// ready; [Jobs.Close] ends what runs.
type Jobs struct {
	Most int // at once; 0 is 8
	Keep int // finished ones that can be asked about; 0 is 100

	mu      sync.Mutex
	jobs    []*Job // oldest first
	closed  bool
	stop    []context.CancelFunc
	running sync.WaitGroup
}

// Busy are the views for which a job was not started, because they are being
// materialized.
type Busy struct{ Views []string }

// Error names the views.
func (b *Busy) Error() string {
	return fmt.Sprintf("being materialized already: %s", strings.Join(b.Views, ", "))
}

// Start runs work in the background. Where alone is set and a job is under way
// for one of the views, the error is CodeConflict with a *Busy in its chain;
// without it the new job waits for the other as any run does.
func (j *Jobs) Start(views []string, alone bool, work func(context.Context) ([]Result, error)) (*Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	under, busy := 0, []string{}
	for _, other := range j.jobs {
		if !other.Finished.IsZero() {
			continue
		}
		under++
		for _, v := range other.Views {
			if slices.Contains(views, v) && !slices.Contains(busy, v) {
				busy = append(busy, v)
			}
		}
	}
	switch most := cmp.Or(j.Most, 8); {
	case j.closed:
		return nil, asof.Errorf(asof.CodeUnavailable, "the server is stopping")
	case alone && len(busy) > 0:
		return nil, asof.Errorf(asof.CodeConflict, "%w", &Busy{busy})
	case under >= most:
		return nil, asof.Errorf(asof.CodeUnavailable, "%d materializations are under way, and the server runs no more at once; try again", under)
	}
	ctx, cancel := context.WithCancel(context.Background())
	job := &Job{ID: strings.ToLower(rand.Text()[:12]), Views: views, Started: time.Now().UTC(), done: make(chan struct{})}
	j.jobs = append(j.jobs, job)
	j.stop = append(j.stop, cancel)
	j.running.Add(1)
	go func() {
		defer j.running.Done()
		defer cancel()
		results, err := work(ctx)
		j.finish(job, results, err)
	}()
	return job, nil
}

// finish notes what became of a job, and forgets the oldest.
func (j *Jobs) finish(job *Job, results []Result, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := slices.Index(j.jobs, job)
	if j.closed && errors.Is(err, context.Canceled) {
		err = asof.Errorf(asof.CodeUnavailable, "the server was stopped before the run ended; the next one goes on from there")
	}
	ended := *job
	ended.Finished, ended.Results, ended.Err = time.Now().UTC(), results, err
	job.ended, j.jobs[at] = &ended, &ended
	over := -cmp.Or(j.Keep, 100)
	for _, other := range j.jobs {
		if !other.Finished.IsZero() {
			over++
		}
	}
	for i := 0; over > 0; {
		if j.jobs[i].Finished.IsZero() {
			i++
			continue
		}
		j.jobs, j.stop = slices.Delete(j.jobs, i, i+1), slices.Delete(j.stop, i, i+1)
		over--
	}
	close(job.done)
}

// Job returns a job as it stands, nil for one that is not known (any more).
func (j *Jobs) Job(id string) *Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, job := range j.jobs {
		if job.ID == id {
			return job
		}
	}
	return nil
}

// All returns the jobs that are known, newest first.
func (j *Jobs) All() []*Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := slices.Clone(j.jobs)
	slices.Reverse(list)
	return list
}

// Wait waits for a job that Start returned, and returns it as it ended. The job
// goes on where ctx ends first.
func (job *Job) Wait(ctx context.Context) (*Job, error) {
	select {
	case <-job.done:
		return job.ended, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close interrupts the jobs that run, and waits for them: what they had copied
// stays, and the next run goes on from there.
func (j *Jobs) Close() {
	j.mu.Lock()
	j.closed = true
	for _, stop := range j.stop {
		stop()
	}
	j.mu.Unlock()
	j.running.Wait()
}

// Names returns the views that a run with these names takes: all that are filled
// from their sources, where there are none. A name that is none of them is an
// error as of the run.
func (m *Materializer) Names(ctx context.Context, names []string) ([]string, error) {
	views, err := m.views(ctx, names)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(views))
	for i, v := range views {
		all[i] = v.Name
	}
	return all, nil
}

// Busy returns those of the views that a run materializes now, of any process.
func (m *Materializer) Busy(ctx context.Context, views []string) ([]string, error) {
	var busy []string
	for _, view := range views {
		unlock, err := m.Ledger.Lock(ctx, m.Project, view, false)
		switch {
		case asof.ErrorCode(err) == asof.CodeConflict:
			busy = append(busy, view)
		case err != nil:
			return nil, err
		default:
			unlock()
		}
	}
	return busy, nil
}

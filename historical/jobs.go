package historical

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	JobMake      JobKind = "make"
	JobReproduce JobKind = "reproduce"
)

// JobState is how a job stands.
type JobState string

// The states of a job.
const (
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Job is a training set that is being made in the background, or has been.
type Job struct {
	ID       string    `json:"id"`
	Kind     JobKind   `json:"kind"`
	Name     string    `json:"name"` // of the set that is made, or the ID of the one that is made again
	By       string    `json:"by,omitempty"`
	State    JobState  `json:"state"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`

	Step  string `json:"step,omitempty"` // what it is at
	Done  int64  `json:"done"`           // rows of the step
	Total int64  `json:"total"`          // 0: not known

	Outcome
	Error string `json:"error,omitempty"` // of one that failed
}

// Outcome is what a job that is done has found.
type Outcome struct {
	Set     string   `json:"set,omitempty"` // the ID of what was made
	Rows    int64    `json:"rows,omitempty"`
	Empty   []string `json:"empty,omitempty"`   // features without a value in any row
	Content string   `json:"content,omitempty"` // its hash
	Same    bool     `json:"same,omitempty"`    // of one that made a set again: the content is that of its receipt
	Changes []string `json:"changes,omitempty"` // what differs
}

func outcomeOf(r *receipt.Receipt) Outcome {
	return Outcome{Set: r.ID, Rows: r.Rows, Content: r.Content}
}

// Jobs makes training sets in the background, and tells how they stand. Its zero
// value is ready; [Jobs.Close] ends what runs. What is known of jobs is gone with
// the process: what they made has receipts.
type Jobs struct {
	Most int // at once; 0 is 2
	Keep int // finished ones that are known; 0 is 50

	mu      sync.Mutex
	jobs    []*job // oldest first
	closed  bool
	running sync.WaitGroup
}

type job struct {
	Job
	stop context.CancelFunc
}

// start runs work in the background. More than Most at once is CodeUnavailable.
func (j *Jobs) start(kind JobKind, name, by string, work func(context.Context, asof.Progress) (Outcome, error)) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	under := 0
	for _, other := range j.jobs {
		if other.State == JobRunning {
			under++
		}
	}
	switch {
	case j.closed:
		return Job{}, asof.Errorf(asof.CodeUnavailable, "the server is stopping")
	case under >= cmp.Or(j.Most, 2):
		return Job{}, asof.Errorf(asof.CodeUnavailable, "%d training sets are being made, and the server makes no more at once; try again when one is done", under)
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := &job{Job{ID: strings.ToLower(rand.Text()[:12]), Kind: kind, Name: name, By: by, State: JobRunning, Started: time.Now().UTC()}, cancel}
	j.jobs = append(j.jobs, one)
	j.running.Go(func() {
		defer cancel()
		outcome, err := work(ctx, func(step string, done, total int64) {
			j.mu.Lock()
			defer j.mu.Unlock()
			one.Step, one.Done, one.Total = step, done, total
		})
		j.finish(one, outcome, err)
	})
	return one.Job, nil
}

// finish notes what became of a job, and forgets the oldest.
func (j *Jobs) finish(one *job, outcome Outcome, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	one.Finished, one.Outcome, one.State = time.Now().UTC(), outcome, JobDone
	switch {
	case errors.Is(err, context.Canceled):
		one.State = JobCancelled
	case err != nil:
		one.State, one.Error = JobFailed, err.Error()
	}
	ended := 0
	for _, other := range j.jobs {
		if other.State != JobRunning {
			ended++
		}
	}
	j.jobs = slices.DeleteFunc(j.jobs, func(other *job) bool {
		forget := other.State != JobRunning && ended > cmp.Or(j.Keep, 50)
		if forget {
			ended--
		}
		return forget
	})
}

// Job returns a job as it stands. One that is not known (any more) is
// CodeNotFound.
func (j *Jobs) Job(id string) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range j.jobs {
		if one.ID == id {
			return one.Job, nil
		}
	}
	return Job{}, asof.Errorf(asof.CodeNotFound, "the making %.60q is not known: a server forgets it when it stops; what was made is in the list", id)
}

// All returns the jobs that are known, newest first.
func (j *Jobs) All() (list []Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range slices.Backward(j.jobs) {
		list = append(list, one.Job)
	}
	return list
}

// Cancel ends a job, which leaves nothing behind. One that has ended is
// CodeConflict.
func (j *Jobs) Cancel(id string) error {
	one, err := j.Job(id)
	switch {
	case err != nil:
		return err
	case one.State != JobRunning:
		return asof.Errorf(asof.CodeConflict, "the making of %s has ended already: it is %s", one.Name, one.State)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, other := range j.jobs {
		if other.ID == id {
			other.stop()
		}
	}
	return nil
}

// Close ends what runs, waits for it, and starts nothing more. It may be called
// twice.
func (j *Jobs) Close() {
	j.mu.Lock()
	j.closed = true
	for _, one := range j.jobs {
		one.stop()
	}
	j.mu.Unlock()
	j.running.Wait()
}

package registryapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// The statuses of a job, in Feast's words.
const (
	jobPending   = "pending"
	jobRunning   = "running"
	jobCompleted = "completed"
	jobFailed    = "failed"
)

func isJobStatus(s string) bool {
	return slices.Contains([]string{jobPending, jobRunning, jobCompleted, jobFailed}, s)
}

const (
	jobsAtOnce = 2
	jobsKept   = 1000 // of those that ended
)

// jobs are the datasets that a server makes. They end with it.
type jobs struct {
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}
	work   sync.WaitGroup

	mu  sync.Mutex
	all []*pb.GetDatasetJobStatusResponse // the newest last
}

func newJobs() *jobs {
	ctx, cancel := context.WithCancel(context.Background())
	return &jobs{ctx: ctx, cancel: cancel, slots: make(chan struct{}, jobsAtOnce)}
}

// start begins a job, which waits for its turn, and returns it as it is now.
func (j *jobs) start(project, name string, do func(context.Context) error) *pb.GetDatasetJobStatusResponse {
	job := &pb.GetDatasetJobStatusResponse{JobId: uuid.NewString(), DatasetName: name, Project: project, Status: jobPending, CreatedAt: stamp()}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, job)
	j.forget()
	j.work.Go(func() { j.run(job, do) })
	return proto.CloneOf(job)
}

func (j *jobs) run(job *pb.GetDatasetJobStatusResponse, do func(context.Context) error) {
	select {
	case j.slots <- struct{}{}:
		defer func() { <-j.slots }()
	case <-j.ctx.Done():
	}
	j.set(func() { job.Status = jobRunning })
	err := j.ctx.Err()
	if err == nil {
		err = do(j.ctx)
	}
	j.set(func() {
		job.Status, job.CompletedAt = jobCompleted, stamp()
		if err != nil {
			job.Status, job.Error = jobFailed, err.Error()
		}
	})
}

func (j *jobs) set(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
}

// forget drops the oldest jobs that have ended, of more than are kept. The
// caller holds the lock.
func (j *jobs) forget() {
	over := len(j.all) - jobsKept
	j.all = slices.DeleteFunc(j.all, func(job *pb.GetDatasetJobStatusResponse) bool {
		if over <= 0 || job.CompletedAt == "" {
			return false
		}
		over--
		return true
	})
}

// list returns the jobs as they are now, the newest first.
func (j *jobs) list() []*pb.GetDatasetJobStatusResponse {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]*pb.GetDatasetJobStatusResponse, 0, len(j.all))
	for _, job := range slices.Backward(j.all) {
		list = append(list, proto.CloneOf(job))
	}
	return list
}

// stop ends the jobs and waits for them.
func (j *jobs) stop() {
	j.cancel()
	j.work.Wait()
}

// stamp is the time as Python writes it.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00") }

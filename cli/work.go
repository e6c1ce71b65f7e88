package cli

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asof-dev/asof/run"
)

// openAgain is how long a server waits for a store of runs that does not answer.
const openAgain = 5 * time.Second

// work carries out the runs in the project's store, and enters those that its
// schedules say, until ctx ends. A store that is away holds up no server.
func (r *repository) work(ctx context.Context) error {
	store, err := r.Runs(ctx)
	for told := false; err != nil; store, err = r.Runs(ctx) {
		if !told {
			slog.Error("no pipeline is run", "error", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(openAgain):
		}
	}
	var both sync.WaitGroup
	both.Go(func() { r.schedule(ctx, store) })
	both.Go(func() { r.tidying(ctx, store) })
	worker := run.Worker{Store: store, Project: r.config.Project, Job: r.jobs(nil, nil)}
	err = worker.Work(ctx)
	both.Wait()
	return err
}

package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/run"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// place is where processes of a test meet, as a child process is told of it.
type place struct {
	Dir      string
	Postgres *storetest.PostgresDatabase // nil: SQLite, in Dir
	Slow     bool                        // the step before publishing waits for a file
}

const placeVariable = "ASOF_TEST_RUN_PLACE"

func (p place) open(t *testing.T) asof.RunStore {
	t.Helper()
	if p.Postgres == nil {
		s := sqlite.OpenRuns(filepath.Join(p.Dir, "asof.db"))
		t.Cleanup(func() { s.Close() })
		return s
	}
	d := p.Postgres
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, User: d.User, Password: d.Password, Database: d.Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db.Runs()
}

// note writes a line into the places's journal, which several processes write.
func (p place) note(format string, args ...any) {
	f, err := os.OpenFile(filepath.Join(p.Dir, "journal"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, format+"\n", args...)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		panic(err)
	}
}

func (p place) journal(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// publish writes a line under a lock that one process has at a time, once the
// fence has let it.
func (p place) publish(ctx context.Context, a *run.Attempt, r asof.Run) error {
	f, err := os.Create(filepath.Join(p.Dir, "lock"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	if err := a.Fence(ctx); err != nil {
		return err
	}
	p.note("publish %s %d", r.ID, r.Epoch)
	return nil
}

const (
	leaseOfTest = time.Second
	stepsOfTest = 4
)

// worker is a worker with runs of a few short steps, the last of which shows
// what it did.
func (p place) worker(store asof.RunStore) *run.Worker {
	return &run.Worker{Store: store, Project: "p", TTL: leaseOfTest, Poll: 20 * time.Millisecond, Job: func(_ context.Context, r asof.Run) (run.Job, error) {
		var job run.Job
		var needs []string
		for i := range stepsOfTest {
			name := fmt.Sprintf("step %d", i)
			job.Steps = append(job.Steps, run.Step{Name: name, Needs: needs, Do: func(_ context.Context, a *run.Attempt) error {
				a.Progress(int64(i), stepsOfTest)
				a.Log("info", "working")
				p.note("did %s %d %s", r.ID, r.Epoch, name)
				for i == stepsOfTest-1 && p.Slow {
					if _, err := os.Stat(filepath.Join(p.Dir, "go")); err == nil {
						break
					}
					time.Sleep(time.Millisecond) // and sees no context, as C code
				}
				return nil
			}})
			needs = []string{name}
		}
		publish := run.Step{Name: "publish", Needs: needs, Do: func(ctx context.Context, a *run.Attempt) error {
			err := p.publish(context.WithoutCancel(ctx), a, r)
			if errors.Is(err, asof.ErrLeaseLost) {
				p.note("fenced %s %d", r.ID, r.Epoch)
			}
			return err
		}}
		if p.Slow { // as a step that is in its critical section already
			last := &job.Steps[stepsOfTest-1]
			wait := last.Do
			last.Do = func(ctx context.Context, a *run.Attempt) error {
				return errors.Join(wait(ctx, a), publish.Do(ctx, a))
			}
			return job, nil
		}
		job.Steps = append(job.Steps, publish)
		return job, nil
	}}
}

// TestWorkerProcess is a worker, in a process that another test starts.
func TestWorkerProcess(t *testing.T) {
	text := os.Getenv(placeVariable)
	if text == "" {
		return
	}
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if err := p.worker(p.open(t)).Work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// start starts a worker's process, which is killed at the end of the test.
func (p place) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorkerProcess$")
	cmd.Env = append(os.Environ(), placeVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// onBoth runs a test on a file and in PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, place{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		d := storetest.Postgres(t).Database(t)
		test(t, place{Dir: t.TempDir(), Postgres: &d})
	})
}

// TestAStoppedProcessWakesUp stops a worker's process before it shows what it
// did. Another takes the run over and shows it; the first wakes up, and must
// not.
func TestAStoppedProcessWakesUp(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		p.Slow = true
		store := p.open(t)
		entered, _, err := store.Submit(t.Context(), asof.Run{Project: "p", Pipeline: "month"}, asof.AgainNever)
		if err != nil {
			t.Fatal(err)
		}
		until := func(what string, so func() bool) {
			t.Helper()
			for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("waiting for %s; the journal: %v", what, p.journal(t))
				}
			}
		}
		wrote := func(line string) func() bool {
			return func() bool {
				text, _ := os.ReadFile(filepath.Join(p.Dir, "journal"))
				return strings.Contains(string(text), line+"\n")
			}
		}
		first := p.start(t)
		until("the first worker, with what it did on record", func() bool {
			steps, err := store.Steps(t.Context(), entered.ID)
			return err == nil && len(steps) == stepsOfTest && steps[stepsOfTest-1].State == asof.RunRunning
		})
		time.Sleep(leaseOfTest / 5) // a process that is stopped as it writes would keep the file
		if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		stopped := time.Now()
		p.start(t)
		until("the takeover", wrote("did "+entered.ID+" 2 step 3"))
		if took := time.Since(stopped); took > 10*time.Second {
			t.Errorf("a stopped worker's run was taken over after %v", took)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		until("the end", func() bool {
			r, err := store.Run(t.Context(), entered.ID)
			return err == nil && r.State == asof.RunCompleted
		})
		if err := first.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		until("the first to find out", wrote("fenced "+entered.ID+" 1"))
		for _, line := range p.journal(t) {
			if line == "publish "+entered.ID+" 1" {
				t.Error("a worker that had lost its lease showed what it did")
			}
			if strings.HasPrefix(line, "did "+entered.ID+" 2") && !strings.HasSuffix(line, "step 3") {
				t.Errorf("a step that was finished was done again: %s", line)
			}
		}
	})
}

// TestProcessesAreKilledAndStopped has three processes work off runs while
// others enter runs and read, as commands and a server do on one file; the
// workers are killed, and stopped for longer than their leases. Every run is
// completed, shown by nobody who had lost it, and nobody finds the store locked.
func TestProcessesAreKilledAndStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		const each, submitters = 20, 3
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		workers := []*exec.Cmd{p.start(t), p.start(t), p.start(t)}
		var submitting sync.WaitGroup
		for n := range submitters {
			store := p.open(t)
			submitting.Go(func() {
				for i := range each {
					r, _, err := store.Submit(ctx, asof.Run{Project: "p", Pipeline: "month", Key: fmt.Sprint(n, i)}, asof.AgainNever)
					if err == nil {
						_, err = store.Lines(ctx, r.ID, 0, 10)
					}
					if err == nil {
						_, err = store.Runs(ctx, asof.RunQuery{Project: "p"})
					}
					if err != nil {
						t.Error(err)
					}
					time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
				}
			})
		}
		chance := rand.New(rand.NewPCG(1, 2))
		for round := range 10 {
			time.Sleep(time.Duration(chance.IntN(400)) * time.Millisecond)
			n := chance.IntN(len(workers))
			if round%3 == 0 {
				stopped := workers[n].Process
				_ = stopped.Signal(syscall.SIGSTOP)
				time.AfterFunc(leaseOfTest*3/2, func() { _ = stopped.Signal(syscall.SIGCONT) })
				continue
			}
			kill(workers[n])
			workers[n] = p.start(t)
		}
		submitting.Wait()
		store := p.open(t)
		completed := func() int {
			runs, err := store.Runs(ctx, asof.RunQuery{Project: "p", States: []asof.RunState{asof.RunCompleted}, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return len(runs)
		}
		for completed() < each*submitters {
			time.Sleep(20 * time.Millisecond)
		}
		newest, steps := map[string]int{}, map[string]int{}
		for _, line := range p.journal(t) {
			var what, id, name string
			var epoch int
			fmt.Sscan(line, &what, &id, &epoch)
			_, name, _ = strings.Cut(line, "step")
			switch what {
			case "publish":
				if epoch < newest[id] {
					t.Errorf("run %s: epoch %d showed what it did after epoch %d", id, epoch, newest[id])
				}
				newest[id] = epoch
			case "did":
				steps[id+name] = max(steps[id+name], epoch)
			}
		}
		if len(newest) != each*submitters || len(steps) != each*submitters*stepsOfTest {
			t.Errorf("%d runs showed what they did, in %d steps", len(newest), len(steps))
		}
	})
}

// TestManyWritersOnOneFile lets processes of one host do nothing but write.
func TestManyWritersOnOneFile(t *testing.T) {
	p := place{Dir: t.TempDir()}
	var group sync.WaitGroup
	for n := range 6 {
		store := p.open(t)
		group.Go(func() {
			for i := range 40 {
				r, _, err := store.Submit(t.Context(), asof.Run{Project: "p", Pipeline: "month", ID: fmt.Sprintf("%d-%d", n, i)}, asof.AgainNever)
				if err == nil {
					_, err = store.Cancel(t.Context(), r.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	runs, err := p.open(t).Runs(t.Context(), asof.RunQuery{States: []asof.RunState{asof.RunCancelled}, Limit: 1000})
	if err != nil || len(runs) != 240 {
		t.Errorf("%d runs are cancelled, %v", len(runs), err)
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/notify"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/trace"
	"github.com/asof-dev/asof/transformation"
)

// repository is a Feast repository while a command works on it: its
// configuration, and its stores, each opened when first asked for.
type repository struct {
	app    *app
	config *definition.Config
	warn   func(asof.Problems)
	trace  *trace.Tracer // nil where no traces are asked for
	memory atomic.Int64  // what Setup says of it

	registry   lazy[asof.Registry]
	offline    lazy[asof.OfflineStore]
	online     lazy[asof.OnlineStore]
	warehouse  lazy[asof.Warehouse]
	ledger     lazy[asof.Ledger]
	runs       lazy[asof.RunStore]
	statistics lazy[asof.StatisticsStore]
	history    lazy[asof.DefinitionLog]
	notifying  lazy[*notify.Notifier]
	guard      lazy[*permission.Guard]
	python     *ondemand.Workers // nil: none was needed, or is named
	service    *ondemand.Workers // by the transformation service; nil as above
	sharing    sync.Mutex        // of the next two
	shared     map[any]io.Closer // by the keys of Share
	closers    []io.Closer       // closed last to first
}

// withRepository opens the repository of -c and -f, does the work, and closes
// what was opened.
func (a *app) withRepository(ctx context.Context, do func(*repository) error) error {
	if info, err := os.Stat(a.globals.dir); err != nil || !info.IsDir() {
		return usagef(a.name+" -c DIR …", "%s is not a folder; -c names the repository", a.globals.dir)
	}
	config, err := a.globals.config()
	if err != nil {
		return err
	}
	a.warn(config.Warnings)
	return a.withConfig(ctx, config, a.warn, do)
}

// withConfig is withRepository for a configuration that has been read. warn is
// told what engines do not understand of it.
func (a *app) withConfig(ctx context.Context, config *definition.Config, warn func(asof.Problems), do func(*repository) error) (err error) {
	r := &repository{app: a, config: config, warn: warn}
	if r.trace, err = trace.FromEnvironment(ctx, config.Project, Version, slog.Default()); err != nil {
		fmt.Fprintf(a.stdio.Err, "%s there are no traces: %s\n", paint(a.stdio.Err, yellow, "warning:"), err)
	}
	r.closers = append(r.closers, r.trace) // closed last
	defer func() {
		if told := r.notifying.store; told != nil { // what is still to be told is read from the other stores
			err = errors.Join(err, told.Close())
		}
		for i := len(r.closers) - 1; i >= 0; i-- {
			err = errors.Join(err, r.closers[i].Close())
		}
	}()
	return do(r)
}

// warn prints problems that do not stop the work.
func (a *app) warn(problems asof.Problems) {
	for _, p := range problems {
		fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "warning:"), p)
	}
}

// setup is what a store of the section is opened with.
func (r *repository) setup(section definition.Section) Setup {
	return Setup{Config: r.config, Section: section, Warn: r.warn, Memory: r.memory.Load(), repository: r}
}

// lazy is a store that is opened when it is first asked for. The requests of a
// server may do so at once.
type lazy[S io.Closer] struct {
	opening sync.Mutex
	store   S
	is      bool
}

// opened returns the store, which is opened once and closed at the end.
func opened[S io.Closer](r *repository, l *lazy[S], open func() (S, error)) (S, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.is {
		return l.store, nil
	}
	store, err := open()
	if err != nil {
		var none S
		return none, err
	}
	l.store, l.is = store, true
	r.sharing.Lock()
	defer r.sharing.Unlock()
	r.closers = append(r.closers, store)
	return store, nil
}

// Registry, Offline, Online, Warehouse, Ledger, Runs and Statistics open the
// repository's stores.
func (r *repository) Registry(ctx context.Context) (asof.Registry, error) {
	return opened(r, &r.registry, func() (asof.Registry, error) { return open(ctx, r.app.engines.Registry, r.setup(r.config.Registry)) })
}

func (r *repository) Offline(ctx context.Context) (asof.OfflineStore, error) {
	return opened(r, &r.offline, func() (asof.OfflineStore, error) { return open(ctx, r.app.engines.Offline, r.setup(r.config.Offline)) })
}

func (r *repository) Online(ctx context.Context) (asof.OnlineStore, error) {
	return opened(r, &r.online, func() (asof.OnlineStore, error) { return open(ctx, r.app.engines.Online, r.setup(r.config.Online)) })
}

// Warehouse opens asof.warehouse; where that is left out, the one that goes
// with the offline store.
func (r *repository) Warehouse(ctx context.Context) (asof.Warehouse, error) {
	return opened(r, &r.warehouse, func() (asof.Warehouse, error) {
		return open(ctx, r.app.engines.Warehouse, r.setup(r.config.WarehouseSection()))
	})
}

// records is where the ledger, the run store and the statistics are: in PostgreSQL if the
// registry or a store uses that, else in a file beside the registry's.
func (r *repository) records() definition.Section {
	section := r.config.Registry
	if section.Type != "sql" {
		section.Type = "sqlite"
	}
	for _, s := range []definition.Section{r.config.Online, r.config.Offline} {
		if s.Type == "postgres" {
			return s
		}
	}
	return section
}

// Ledger opens the ledger.
func (r *repository) Ledger(ctx context.Context) (asof.Ledger, error) {
	return opened(r, &r.ledger, func() (asof.Ledger, error) {
		store, err := open(ctx, r.app.engines.Ledger, r.setup(r.records()))
		return r.trace.Ledger(store), err
	})
}

// Runs opens the run store, which is where the ledger is. What becomes of its
// runs is told as the configuration says.
func (r *repository) Runs(ctx context.Context) (asof.RunStore, error) {
	return opened(r, &r.runs, func() (asof.RunStore, error) {
		store, err := open(ctx, r.app.engines.Runs, r.setup(r.records()))
		if err != nil {
			return nil, err
		}
		return r.notifier().Store(store), nil
	})
}

// Statistics opens the statistics, which are where the runs are.
func (r *repository) Statistics(ctx context.Context) (asof.StatisticsStore, error) {
	return opened(r, &r.statistics, func() (asof.StatisticsStore, error) {
		return open(ctx, r.app.engines.Statistics, r.setup(r.records()))
	})
}

// History opens the log of how definitions changed, which is where the runs are.
func (r *repository) History(ctx context.Context) (asof.DefinitionLog, error) {
	return opened(r, &r.history, func() (asof.DefinitionLog, error) {
		return open(ctx, r.app.engines.Definitions, r.setup(r.records()))
	})
}

// workers returns what runs the functions that cannot be run here: the Python
// processes of asof.python, else the transformation service that is configured;
// nil where neither is named.
func (r *repository) workers() *ondemand.Workers {
	if w := r.processes(); w != nil {
		return w
	}
	r.sharing.Lock()
	defer r.sharing.Unlock()
	if endpoint := r.config.TransformationService; r.service == nil && endpoint != "" {
		client, err := transformation.New(endpoint, r.config.Project)
		if err != nil { // of an address that was checked, never
			slog.Error("on-demand functions have no service", "error", err)
			return nil
		}
		r.service = ondemand.NewServiceWorkers(client)
		r.closers = append(r.closers, client)
	}
	return r.service
}

// processes returns the Python processes of asof.python, nil where none is named.
func (r *repository) processes() *ondemand.Workers {
	r.sharing.Lock()
	defer r.sharing.Unlock()
	if r.python == nil && r.config.Asof.Python != "" {
		r.python = ondemand.NewWorkers(r.config.Asof.Python, runtime.GOMAXPROCS(0))
		r.closers = append(r.closers, r.python)
	}
	return r.python
}

// snapshot reads the project's definitions as they are registered. A project
// that was never applied is CodeUnavailable and says what to do.
func (r *repository) snapshot(ctx context.Context) (*asof.Snapshot, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := registry.Snapshot(ctx, r.config.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "project %s has no definitions yet: run `%s -c %s apply`",
			r.config.Project, r.app.name, r.app.globals.dir)
	}
	return snapshot, nil
}

// definitions reads the repository's Python files.
func (r *repository) definitions(ctx context.Context, python bool) (apply.Desired, error) {
	load := definition.Load
	if python {
		load = definition.LoadByPython
	}
	result, err := load(ctx, r.config)
	if err != nil {
		return apply.Desired{}, err
	}
	for _, s := range result.Skipped {
		fmt.Fprintf(r.app.stdio.Err, "%s %s is skipped: %s\n", paint(r.app.stdio.Err, yellow, "note:"), s.File, s.Reason)
	}
	r.app.warn(result.Warnings)
	return apply.Desired{Project: r.config.Project, Objects: result.Objects}, nil
}

// path returns a path of the command line: as with other programs' chdir flags,
// relative ones start in the repository.
func (a *app) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(a.globals.dir, p)
}

// input returns the path of a file to read: in the repository, else where the
// command was called.
func (a *app) input(p string) string {
	if inside := a.path(p); fileExists(inside) || !fileExists(p) {
		return inside
	}
	return p
}

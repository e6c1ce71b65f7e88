package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/doctor"
	"github.com/asof-dev/asof/ondemand"
)

// reachTime is how long a store may take to answer the doctor.
const reachTime = 10 * time.Second

func (a *app) doctorCommand() *cobra.Command {
	var output string
	var python bool
	cmd := &cobra.Command{
		Use:   "doctor [DIR]",
		Short: "Say what of a Feast repository works, what answers differently, and what does not work",
		Long: "Reads a Feast repository (DIR, else that of -c), its registry and, where they answer, its stores,\n" +
			"and says what works as it is, what will answer differently and why, what does not work, and what\n" +
			"to do next. It changes nothing. It ends with 1 where something does not work.",
		Example: a.example("doctor feature_repo", "doctor feature_repo --output json"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return a.args("DIR")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			if len(args) > 0 {
				a.globals.dir = a.path(args[0])
			}
			a.findRepository()
			report, err := a.examine(cmd.Context(), python)
			if err != nil {
				return err
			}
			if err := a.printFindings(report, output); err != nil {
				return err
			}
			if report.Blocked() {
				return errReported
			}
			return nil
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().BoolVar(&python, "python", false, "let an installed feast read the definitions, by python3 on the PATH")
	return cmd
}

// findRepository goes down into feature_repo, where Feast's templates put the
// repository.
func (a *app) findRepository() {
	below := filepath.Join(a.globals.dir, "feature_repo")
	if !fileExists(a.globals.configPath()) && fileExists(filepath.Join(below, "feature_store.yaml")) {
		a.globals.dir = below
	}
}

// examine reads what there is to read of the repository.
func (a *app) examine(ctx context.Context, python bool) (report *doctor.Report, err error) {
	config, err := a.globals.config()
	if err != nil {
		return nil, err
	}
	p := &doctor.Patient{Config: config}
	err = a.withConfig(ctx, config, func(unknown asof.Problems) { config.Warnings = append(config.Warnings, unknown...) }, func(r *repository) error {
		load := definition.Load
		if python {
			load = definition.LoadByPython
		}
		p.Defined, p.Unread = load(ctx, config)
		p.Stores = []doctor.Store{r.reachRegistry(ctx, p), r.reachOffline(ctx, p), r.reachOnline(ctx, p)}
		p.Function = r.functions(p)
		report = doctor.Examine(p)
		return nil
	})
	return report, errors.Join(ctx.Err(), err)
}

// reach asks a store, if there is an engine for it. says tells what it answered.
func (r *repository) reach(ctx context.Context, role, key string, section definition.Section, known bool, ask func(context.Context) (says string, err error)) doctor.Store {
	s := doctor.Store{Role: role, Section: section, Place: r.config.Place(key), Unknown: !known}
	if known {
		ctx, cancel := context.WithTimeout(ctx, reachTime)
		defer cancel()
		s.Says, s.Err = ask(ctx)
	}
	return s
}

func (r *repository) reachRegistry(ctx context.Context, p *doctor.Patient) doctor.Store {
	return r.reach(ctx, "registry", "registry", r.config.Registry, hasEngine(r.app.engines.Registry, r.config.Registry.Type), func(ctx context.Context) (string, error) {
		registry, err := r.Registry(ctx)
		if err != nil {
			return "", err
		}
		if p.Registered, err = registry.Snapshot(ctx, r.config.Project); err != nil {
			return "", err
		}
		if p.Registered.Project() == nil {
			return fmt.Sprintf(", with nothing of project %s yet", r.config.Project), nil
		}
		return fmt.Sprintf(", with %s of project %s", count(int64(len(p.Registered.Views())), "feature view", "feature views"), r.config.Project), nil
	})
}

// reachOffline asks the offline store for what the sources hold, as a plan does.
func (r *repository) reachOffline(ctx context.Context, p *doctor.Patient) doctor.Store {
	return r.reach(ctx, "offline store", "offline_store", r.config.Offline, hasEngine(r.app.engines.Offline, r.config.Offline.Type), func(ctx context.Context) (string, error) {
		offline, err := r.Offline(ctx)
		if err == nil && r.config.Offline.Type == "postgres" { // which is there without any source, too
			_, err = offline.Columns(ctx, &asof.DataSource{Name: "probe", Kind: asof.SourcePostgres, Query: "SELECT 1 AS one"})
		}
		if err != nil || p.Defined == nil {
			return "", err
		}
		current := p.Registered
		if current == nil {
			current = asof.NewSnapshot("", time.Time{}, nil)
		}
		desired := apply.Desired{Project: r.config.Project, Objects: p.Defined.Objects}
		p.Plan, err = apply.NewPlan(ctx, desired, current, apply.Options{Sources: offline, Workers: r.workers()})
		if asof.ErrorCode(err) == asof.CodeUnavailable || asof.ErrorCode(err) == asof.CodeUnauthenticated {
			return "", err
		}
		p.Unplanned = err
		return ", which reads its sources", nil
	})
}

// reachOnline asks the online store for a key that no entity has.
func (r *repository) reachOnline(ctx context.Context, p *doctor.Patient) doctor.Store {
	return r.reach(ctx, "online store", "online_store", r.config.Online, hasEngine(r.app.engines.Online, r.config.Online.Type), func(ctx context.Context) (string, error) {
		online, err := r.Online(ctx)
		if err != nil {
			return "", err
		}
		probe := asof.Reading{View: onlineView(p.Registered), Keys: [][]byte{{0}}}
		err = online.Read(ctx, r.config.Project, []*asof.Reading{&probe})
		if code := asof.ErrorCode(err); code == asof.CodeUnavailable || code == asof.CodeUnauthenticated || code == asof.CodeForbidden {
			return "", err // others are of a view that has no rows yet
		}
		if store, ok := online.(layouts); ok {
			feast, tables, err := store.FeastLayout(ctx)
			if err != nil || !feast {
				return "", err
			}
			return fmt.Sprintf(", in Feast's own tables (%d of them hold rows)", len(tables)), nil
		}
		return "", nil
	})
}

// onlineView returns a view that is online; one that there is not, where none is.
func onlineView(s *asof.Snapshot) *asof.FeatureView {
	if s != nil {
		for _, v := range s.Views() {
			if v.Online && len(v.Features) > 0 {
				return v
			}
		}
	}
	return &asof.FeatureView{Name: "probe", Features: []asof.Field{{Name: "probe", Type: asof.Scalar(asof.TypeInt64)}}}
}

// hasEngine reports whether a table has an engine of that type.
func hasEngine[S any](table []Engine[S], name string) bool {
	return slices.ContainsFunc(table, func(e Engine[S]) bool { return slices.Contains(e.Names, name) })
}

// functions says of an on-demand view how its function runs, by the views that
// the files define, else the registry.
func (r *repository) functions(p *doctor.Patient) func(*asof.OnDemandFeatureView) (string, bool) {
	views := map[string]*asof.FeatureView{}
	if p.Registered != nil {
		for _, v := range p.Registered.Views() {
			views[v.Name] = v
		}
	}
	if p.Defined != nil {
		for _, o := range p.Defined.Objects {
			if v, ok := o.(*asof.FeatureView); ok {
				views[v.Name] = v
			}
		}
	}
	return func(v *asof.OnDemandFeatureView) (string, bool) {
		keys := ondemand.Keys(v, func(name string) *asof.FeatureView { return views[name] })
		return ondemand.Summary(v, ondemand.Options{Keys: keys, Workers: r.workers()})
	}
}

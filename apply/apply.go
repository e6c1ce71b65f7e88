// Package apply brings a project's registry and online store to what a
// repository defines: it checks the definitions against one another and
// against their sources, plans the difference, and carries it out.
package apply

import (
	"context"
	"slices"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// Desired is what a repository defines for one project.
type Desired struct {
	Project string
	Objects []asof.Object // a *asof.Project among them is optional
}

// Options are how a plan is made. Sources may be nil where no engine is
// configured; what needs one is then an error.
type Options struct {
	Sources     asof.Sources
	SkipSources bool              // do not hold the sources against reality; schemas are still inferred
	Strict      bool              // refuse on-demand views whose functions cannot be run
	Workers     *ondemand.Workers // Python processes for on-demand functions; may be nil
	NoPromote   bool              // save new versions of views in their history, and leave the views as they are
	Retype      bool              // let features that were materialized change their types: they are null online until they are filled again
}

// Stores are what a plan changes. Ledger may be nil.
type Stores struct {
	Registry asof.Registry
	Online   asof.OnlineStore // nil: the project has none
	Ledger   asof.Ledger
}

// attempts is how often Run plans anew when somebody else applied in between.
const attempts = 5

// Run plans against the registry's present state and carries the plan out. An
// apply by somebody else in between makes it plan again, so that neither is
// lost. It returns the plan that was carried out.
func Run(ctx context.Context, desired Desired, stores Stores, opts Options) (*Plan, error) {
	for attempt := 1; ; attempt++ {
		current, err := stores.Registry.Snapshot(ctx, desired.Project)
		if err != nil {
			return nil, err
		}
		plan, err := NewPlan(ctx, desired, current, opts)
		if err != nil {
			return nil, err
		}
		err = plan.execute(ctx, stores)
		if asof.ErrorCode(err) == asof.CodeConflict && attempt < attempts {
			continue
		}
		return plan, err
	}
}

// execute changes the registry as one, and the online store with it.
func (p *Plan) execute(ctx context.Context, stores Stores) error {
	var leave []string
	if !p.Empty() {
		leave = append(p.droppedViews(), p.refilled...)
	}
	return stores.Change(ctx, p.Project, p.online, leave, func() error {
		if p.Empty() {
			return nil
		}
		_, err := stores.Registry.Apply(ctx, p.Project, asof.Change{Base: p.base, Put: p.put, Delete: p.remove, Save: p.save})
		return err
	})
}

// droppedViews names the views that are served no longer: removed, or not
// online any more.
func (p *Plan) droppedViews() []string {
	return slices.DeleteFunc(slices.Clone(p.wasOnline), func(view string) bool {
		return slices.ContainsFunc(p.online, func(v *asof.FeatureView) bool { return v.Name == view })
	})
}

// Teardown removes the project: its online rows, its ledger, its registry
// entries. It is repeatable. It returns the names of the views it removed.
func Teardown(ctx context.Context, project string, stores Stores) ([]string, error) {
	current, err := stores.Registry.Snapshot(ctx, project)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range current.Views() {
		names = append(names, v.Name)
	}
	for _, v := range current.OnDemandViews() {
		if v.WriteToOnline {
			names = append(names, v.Name)
		}
	}
	if stores.Online != nil {
		if err := stores.Online.Teardown(ctx, project, names); err != nil {
			return nil, err
		}
	}
	if stores.Ledger != nil {
		if err := stores.Ledger.Forget(ctx, project, names); err != nil {
			return nil, err
		}
	}
	return names, stores.Registry.Teardown(ctx, project)
}

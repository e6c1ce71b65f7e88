package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// lifecycle is what commands change of a view of any kind: a copy of it, and
// where its settings stand.
type lifecycle struct {
	view    asof.Object
	enabled *bool
	state   *asof.State
}

// lifecycleOf returns a copy of the view of that name.
func lifecycleOf(s *asof.Snapshot, name string) (lifecycle, error) {
	if v, ok := s.Object(asof.KindOnDemandView, name).(*asof.OnDemandFeatureView); ok {
		c := *v
		return lifecycle{&c, &c.Enabled, &c.State}, nil
	}
	if s.Object(asof.KindLabelView, name) != nil {
		return lifecycle{}, asof.Errorf(asof.CodeInvalid, "%q is a label view, which is neither enabled nor disabled and has no state", name)
	}
	v, err := s.View(name)
	if err != nil {
		return lifecycle{}, err
	}
	c := *v
	return lifecycle{&c, &c.Enabled, &c.State}, nil
}

// changeView changes a view in the registry. change returns what to say, and
// whether anything is to be written. Somebody else's change in between makes
// it look again.
func (a *app) changeView(ctx context.Context, name string, change func(lifecycle) (said string, write bool, err error)) error {
	return a.withSnapshot(ctx, func(r *repository, snapshot *asof.Snapshot) error {
		registry, err := r.Registry(ctx)
		if err != nil {
			return err
		}
		for attempt := 1; ; attempt++ {
			view, err := lifecycleOf(snapshot, name)
			if err != nil {
				return err
			}
			said, write, err := change(view)
			if err == nil && write {
				r.noteDefinitions(ctx, "")
				_, err = registry.Apply(ctx, r.config.Project, asof.Change{Base: snapshot.Version, Put: []asof.Object{view.view}})
			}
			if asof.ErrorCode(err) == asof.CodeConflict && attempt < 5 {
				if snapshot, err = r.snapshot(ctx); err != nil {
					return err
				}
				continue
			}
			if err == nil && write {
				r.noteDefinitions(ctx, apply.CauseState)
			}
			if err == nil {
				fmt.Fprintln(a.stdio.Out, said)
			}
			return err
		}
	})
}

func (a *app) enableCommand(enable bool) *cobra.Command {
	use, short := "disable NAME", "Stop serving and materializing a feature view"
	if enable {
		use, short = "enable NAME", "Serve and materialize a feature view again"
	}
	word := strings.Fields(use)[0]
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    short + ". Its values stay where they are. The next apply goes by enabled= in its definition.",
		Example: a.example("-c my_project feature-views " + word + " usage_agg_30d_fv"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeView(cmd.Context(), args[0], func(view lifecycle) (string, bool, error) {
				if *view.enabled == enable {
					return fmt.Sprintf("Feature view '%s' is already %sd.", args[0], word), false, nil
				}
				*view.enabled = enable
				return fmt.Sprintf("Feature view '%s' has been %sd.", args[0], word), true, nil
			})
		},
	}
}

// settable are the states that a person can give.
var settable = []asof.State{asof.StateCreated, asof.StateGenerated, asof.StateMaterializing, asof.StateAvailableOnline}

func (a *app) setStateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set-state NAME STATE",
		Short: "Set where a feature view stands between definition and serving",
		Long: "States are CREATED, GENERATED, MATERIALIZING and AVAILABLE_ONLINE, in this order. Views in the\n" +
			"first two serve no features, and one that is CREATED is not materialized.",
		Example: a.example("-c my_project feature-views set-state usage_agg_30d_fv CREATED"),
		Args:    a.args("NAME", "STATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			wanted, err := parseState(args[1])
			if err != nil {
				return err
			}
			return a.changeView(cmd.Context(), name, func(view lifecycle) (string, bool, error) {
				if *view.state == wanted {
					return fmt.Sprintf("Feature view '%s' is already in state %s.", name, wanted), false, nil
				}
				var next []string
				for _, s := range view.state.Next() {
					if s == wanted {
						*view.state = wanted
						return fmt.Sprintf("Feature view '%s' state set to %s.", name, wanted), true, nil
					}
					next = append(next, s.String())
				}
				return "", false, asof.Errorf(asof.CodeInvalid, "feature view %q goes from %s to %s, and not to %s", name, *view.state, strings.Join(next, " or "), wanted)
			})
		},
	}
}

func parseState(text string) (asof.State, error) {
	var known []string
	for _, s := range settable {
		if strings.EqualFold(text, s.String()) {
			return s, nil
		}
		known = append(known, s.String())
	}
	return 0, usagef("", "unknown state %q%s", text, asof.DidYouMean(strings.ToUpper(text), known))
}

func (a *app) listVersionsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list-versions NAME",
		Short:   "List the versions of a feature view, oldest first",
		Example: a.example("-c my_project feature-views list-versions usage_agg_30d_fv"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSnapshot(cmd.Context(), func(r *repository, snapshot *asof.Snapshot) error {
				records, err := r.versions(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if len(records) == 0 && output == "table" {
					fmt.Fprintf(a.stdio.Out, "No version history found for feature view '%s'.\n", args[0])
					return nil
				}
				rows := [][]any{}
				for _, v := range records {
					rows = append(rows, []any{fmt.Sprintf("v%d", v.VersionNumber), v.FeatureViewType,
						pythonTime{v.CreatedTimestamp.AsTime()}, v.VersionId})
				}
				return a.printList(output, []string{"VERSION", "TYPE", "CREATED", "VERSION_ID"}, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// versions returns the version history of a view.
func (r *repository) versions(ctx context.Context, view string) (records []*core.FeatureViewVersionRecord, err error) {
	message, err := r.message(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range message.GetFeatureViewVersionHistory().GetRecords() {
		if v.ProjectId == r.config.Project && v.FeatureViewName == view {
			records = append(records, v)
		}
	}
	return records, nil
}

// message returns the whole registry as Feast's message.
func (r *repository) message(ctx context.Context) (*core.Registry, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	store, ok := registry.(feastregistry.Store)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: a registry of type %q keeps one project and no messages of Feast's: use a registry of type file or sql",
			r.config.Path, r.config.Registry.Type)
	}
	return store.Message(ctx)
}

// isVersion reports why a run is not of the version that --version names: a
// view has one definition, that of its version in the registry.
func isVersion(snapshot *asof.Snapshot, flags materializeFlags) error {
	if flags.version == "" || strings.EqualFold(flags.version, "latest") {
		return nil
	}
	if len(flags.views) != 1 {
		return usagef("", "--version %s goes with one view: -v VIEW", flags.version)
	}
	view, err := snapshot.View(flags.views[0])
	if err != nil {
		return err
	}
	return view.IsVersion(flags.version)
}

// noteSkipped names the views that are kept online and are not materialized
// because of what somebody has set.
func (a *app) noteSkipped(snapshot *asof.Snapshot) {
	for _, v := range snapshot.Views() {
		if v.Online && (!v.Enabled || v.State == asof.StateCreated) {
			if _, err := snapshot.Filled([]string{v.Name}); err != nil {
				a.note("%s", err)
			}
		}
	}
}

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/ondemand"
)

// objectKind is a kind of registered object as the command line shows it: the
// lists of Feast's registry message that hold it, and the columns that Feast
// has for it.
type objectKind struct {
	use     string
	kind    asof.Kind
	fields  []string
	headers []string
	row     func(*asof.Snapshot, asof.Object) []any
}

// objectKinds have a list and a describe command each.
var objectKinds = []objectKind{
	{"entities", asof.KindEntity, []string{"entities"}, []string{"NAME", "DESCRIPTION", "TYPE"}, func(_ *asof.Snapshot, o asof.Object) []any {
		e := o.(*asof.Entity)
		return []any{e.Name, e.Description, valueTypeName(e.ValueType)}
	}},
	{"data-sources", asof.KindDataSource, []string{"data_sources"}, []string{"NAME", "CLASS"}, func(_ *asof.Snapshot, o asof.Object) []any {
		s := o.(*asof.DataSource)
		return []any{s.Name, fmt.Sprintf("<class '%s'>", s.Class)}
	}},
	{"feature-views", asof.KindFeatureView, []string{"feature_views", "on_demand_feature_views"}, []string{"NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"}, viewRow},
	{"on-demand-feature-views", asof.KindOnDemandView, []string{"on_demand_feature_views"}, []string{"NAME"}, nameRow},
	{"stream-feature-views", asof.KindFeatureView, []string{"stream_feature_views"}, []string{"NAME"}, nameRow},
	{"label-views", asof.KindLabelView, []string{"label_views"}, []string{"NAME", "ENTITIES", "CONFLICT_POLICY"}, labelRow},
	{"feature-services", asof.KindService, []string{"feature_services"}, []string{"NAME", "FEATURES"}, func(_ *asof.Snapshot, o asof.Object) []any {
		features := commaList{}
		for _, p := range o.(*asof.FeatureService).Projections {
			for _, f := range p.Features {
				features = append(features, p.View+":"+f.Name)
			}
		}
		return []any{o.ObjectName(), features}
	}},
	{"saved-datasets", asof.KindSavedDataset, []string{"saved_datasets"}, []string{"NAME"}, nameRow},
	{"validation-references", asof.KindValidationRef, []string{"validation_references"}, []string{"NAME"}, nameRow},
}

func nameRow(_ *asof.Snapshot, o asof.Object) []any { return []any{o.ObjectName()} }

// viewRow shows a feature view or, in the same list as in Feast, an on-demand
// view with the entities of its sources.
func viewRow(s *asof.Snapshot, o asof.Object) []any {
	switch v := o.(type) {
	case *asof.FeatureView:
		return []any{v.Name, newEntitySet(v.Entities), v.Kind, yesNo(v.Enabled), v.State}
	case *asof.OnDemandFeatureView:
		var entities []string
		for _, source := range v.Sources {
			if source.View == nil {
				continue
			}
			if view, err := s.View(source.View.View); err == nil {
				entities = append(entities, view.Entities...)
			}
		}
		return []any{v.Name, newEntitySet(entities), "OnDemandFeatureView", yesNo(v.Enabled), v.State}
	}
	return nil
}

// labelRow shows a label view: whose labels it holds, and which of two counts.
func labelRow(s *asof.Snapshot, o asof.Object) []any {
	m, err := (&feastconv.Encoder{Object: s.Object}).Encode(o)
	if err != nil {
		return []any{o.ObjectName(), "n/a", "n/a"}
	}
	spec := m.(*core.LabelView).GetSpec()
	entities := commaList(spec.GetEntities())
	if len(entities) == 0 {
		entities = commaList{"n/a"}
	}
	return []any{o.ObjectName(), entities, strings.ToLower(spec.GetConflictPolicy().String())}
}

// entitySet is names that a table shows as Feast does, as a Python set.
type entitySet []string

// newEntitySet keeps the first of equal names.
func newEntitySet(names []string) entitySet {
	set := entitySet{}
	for _, n := range names {
		if !slices.Contains(set, n) {
			set = append(set, n)
		}
	}
	return set
}

func (names entitySet) String() string {
	if len(names) == 0 {
		return "n/a"
	}
	return "{'" + strings.Join(names, "', '") + "'}"
}

// objectCommands returns a command for each kind, with list and describe.
func (a *app) objectCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, k := range objectKinds {
		plural := strings.ReplaceAll(k.use, "-", " ")
		commands := []*cobra.Command{a.listCommand(k, plural), a.describeCommand(k)}
		if k.use == "feature-views" {
			commands = append(commands, a.enableCommand(true), a.enableCommand(false), a.setStateCommand(), a.listVersionsCommand())
		}
		all = append(all, a.group(k.use, "List and describe "+plural, commands...))
	}
	return all
}

func (a *app) listCommand(k objectKind, plural string) *cobra.Command {
	var output string
	var tags []string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the " + plural + " of the project",
		Example: a.example("-c my_project " + k.use + " list"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := parseTags(tags)
			if err != nil {
				return err
			}
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				rows := [][]any{}
				for _, o := range held.list(k) {
					if hasTags(o, wanted) {
						rows = append(rows, k.row(held.snapshot, o))
					}
				}
				return a.printList(output, k.headers, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	tagsFlag(cmd, &tags)
	return cmd
}

// withSnapshot opens the repository and hands on what is registered.
func (a *app) withSnapshot(ctx context.Context, do func(*repository, *asof.Snapshot) error) error {
	return a.withRepository(ctx, func(r *repository) error {
		snapshot, err := r.snapshot(ctx)
		if err != nil {
			return err
		}
		return do(r, snapshot)
	})
}

func (a *app) describeCommand(k objectKind) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show one as it is registered",
		Example: a.example("-c my_project " + k.use + " describe NAME"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "yaml" && output != "json" {
				return badOutput(output, "yaml", "json")
			}
			return a.withRegistered(cmd.Context(), func(r *repository, held registered) error {
				object, err := held.snapshot.Find(k.kind, args[0])
				if err != nil {
					return err
				}
				if v, ok := object.(*asof.OnDemandFeatureView); ok {
					a.noteFunction(held.snapshot, v, r.workers())
				}
				return a.printMessage(output, held, object)
			})
		},
	}
	cmd.Flags().StringVar(&output, "output", "yaml", "yaml or json")
	return cmd
}

// noteFunction says how the function of an on-demand view runs.
func (a *app) noteFunction(s *asof.Snapshot, v *asof.OnDemandFeatureView, workers *ondemand.Workers) {
	sentence, _ := ondemand.Summary(v, ondemand.Options{Keys: ondemand.KeysIn(s, v), Workers: workers})
	a.note("%s", sentence)
}

func (a *app) registryDumpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "registry-dump",
		Short:   "Print the project's registry as JSON",
		Example: a.example("-c my_project registry-dump"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				dump, err := held.dump()
				if err != nil {
					return err
				}
				return printFeastJSON(a.stdio.Out, dump, 2)
			})
		},
	}
}

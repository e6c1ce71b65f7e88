package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// objectKind is a kind of registered object as the command line shows it.
type objectKind struct {
	use     string
	kind    asof.Kind
	headers []string
	row     func(*asof.Snapshot, asof.Object) []any
}

// objectKinds have a list and a describe command each. The columns are Feast's.
var objectKinds = []objectKind{
	{"entities", asof.KindEntity, []string{"NAME", "DESCRIPTION", "TYPE"}, func(_ *asof.Snapshot, o asof.Object) []any {
		e := o.(*asof.Entity)
		return []any{e.Name, e.Description, valueTypeName(e.ValueType)}
	}},
	{"data-sources", asof.KindDataSource, []string{"NAME", "CLASS"}, func(_ *asof.Snapshot, o asof.Object) []any {
		s := o.(*asof.DataSource)
		return []any{s.Name, fmt.Sprintf("<class '%s'>", s.Class)}
	}},
	{"feature-views", asof.KindFeatureView, []string{"NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"}, viewRow},
	{"on-demand-feature-views", asof.KindOnDemandView, []string{"NAME"}, func(_ *asof.Snapshot, o asof.Object) []any {
		return []any{o.ObjectName()}
	}},
	{"feature-services", asof.KindService, []string{"NAME", "FEATURES"}, func(_ *asof.Snapshot, o asof.Object) []any {
		features := commaList{}
		for _, p := range o.(*asof.FeatureService).Projections {
			for _, f := range p.Features {
				features = append(features, p.View+":"+f.Name)
			}
		}
		return []any{o.ObjectName(), features}
	}},
}

// viewRow shows a feature view or, in the same list as in Feast, an on-demand
// view with the entities of its sources.
func viewRow(s *asof.Snapshot, o asof.Object) []any {
	switch v := o.(type) {
	case *asof.FeatureView:
		return []any{v.Name, newEntitySet(v.Entities), v.Kind, yesNo(v.Enabled), stateName(v.State)}
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
		return []any{v.Name, newEntitySet(entities), "OnDemandFeatureView", yesNo(v.Enabled), stateName(v.State)}
	}
	return nil
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
		all = append(all, a.group(k.use, "List and describe "+plural, a.listCommand(k, plural), a.describeCommand(k)))
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
			return a.withRepository(cmd.Context(), func(r *repository) error {
				snapshot, err := r.snapshot(cmd.Context())
				if err != nil {
					return err
				}
				objects := snapshot.Objects(k.kind)
				if k.kind == asof.KindFeatureView {
					objects = append(objects[:len(objects):len(objects)], snapshot.Objects(asof.KindOnDemandView)...)
				}
				rows := [][]any{}
				for _, o := range objects {
					if o.ObjectName() != asof.DummyEntity && hasTags(o, wanted) {
						rows = append(rows, k.row(snapshot, o))
					}
				}
				return a.printList(output, k.headers, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().StringArrayVar(&tags, "tags", nil, "only those with all of these tags: key:value[,key:value]")
	return cmd
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
			return a.withRepository(cmd.Context(), func(r *repository) error {
				snapshot, err := r.snapshot(cmd.Context())
				if err != nil {
					return err
				}
				object, err := snapshot.Find(k.kind, args[0])
				if err != nil {
					return err
				}
				if v, ok := object.(*asof.OnDemandFeatureView); ok {
					a.noteFunction(snapshot, v, r.workers())
				}
				return a.printMessage(output, snapshot, object)
			})
		},
	}
	cmd.Flags().StringVar(&output, "output", "yaml", "yaml or json")
	return cmd
}

// noteFunction says how the function of an on-demand view runs.
func (a *app) noteFunction(s *asof.Snapshot, v *asof.OnDemandFeatureView, workers *ondemand.Workers) {
	find := func(name string) *asof.FeatureView {
		view, _ := s.Object(asof.KindFeatureView, name).(*asof.FeatureView)
		return view
	}
	sentence, _ := ondemand.Summary(v, ondemand.Options{Keys: ondemand.Keys(v, find), Workers: workers})
	fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "note:"), sentence)
}

func (a *app) registryDumpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "registry-dump",
		Short:   "Print the project's registry as JSON",
		Example: a.example("-c my_project registry-dump"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				snapshot, err := r.snapshot(cmd.Context())
				if err != nil {
					return err
				}
				dump, err := dumpRegistry(snapshot)
				if err != nil {
					return err
				}
				return printJSON(a.stdio.Out, dump)
			})
		},
	}
}

// parseTags reads key:value pairs, several of them in one word by commas.
func parseTags(words []string) (map[string]string, error) {
	wanted := map[string]string{}
	for _, word := range words {
		for _, pair := range strings.Split(word, ",") {
			key, value, ok := strings.Cut(strings.TrimSpace(pair), ":")
			if !ok {
				return nil, usagef("", "--tags %q: write key:value", pair)
			}
			wanted[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return wanted, nil
}

func hasTags(o asof.Object, wanted map[string]string) bool {
	for key, value := range wanted {
		if asof.TagsOf(o)[key] != value {
			return false
		}
	}
	return true
}

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

// viewFeature is a feature and the view that it belongs to.
type viewFeature struct {
	asof.Field
	view   asof.Object
	online any              // whether it is kept online; "N/A" where it is computed
	source *asof.DataSource // nil where it is computed
}

// features returns the features of all views, in the order of Feast's list:
// those of plain views, of on-demand views, of stream views.
func (h registered) features() (all []viewFeature) {
	for _, use := range []string{"feature-views", "stream-feature-views"} {
		for _, k := range objectKinds {
			if k.use != use {
				continue
			}
			for _, view := range h.list(k) {
				all = append(all, viewFeatures(view)...)
			}
		}
	}
	return all
}

func viewFeatures(view asof.Object) (all []viewFeature) {
	switch v := view.(type) {
	case *asof.FeatureView:
		for _, f := range v.Features {
			all = append(all, viewFeature{f, v, v.Online, v.Source})
		}
	case *asof.OnDemandFeatureView:
		for _, f := range v.Features {
			all = append(all, viewFeature{f, v, "N/A", nil})
		}
	}
	return all
}

func (a *app) featuresCommand() *cobra.Command {
	return a.group("features", "List and describe features", a.listFeaturesCommand(), a.describeFeatureCommand())
}

func (a *app) listFeaturesCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the features of all views",
		Example: a.example("-c my_project features list"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				rows, list := [][]string{}, []any{}
				for _, f := range held.features() {
					rows = append(rows, []string{f.Name, f.view.ObjectName(), feastType(f.Type)})
					list = append(list, tree{{"feature_name", f.Name}, {"feature_view", f.view.ObjectName()}, {"dtype", feastType(f.Type)}})
				}
				switch output {
				case "table":
					return plainTable(a.stdio.Out, []string{"Feature", "Feature View", "Data Type"}, rows)
				case "json":
					return printFeastJSON(a.stdio.Out, list, 4)
				}
				return badOutput(output, "table", "json")
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) describeFeatureCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show a feature in every view that has it",
		Example: a.example("-c my_project features describe monthly_fee"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				var names []string
				found := []any{}
				for _, f := range held.features() {
					names = append(names, f.Name)
					if f.Name != args[0] {
						continue
					}
					shown, err := held.feature(f)
					if err != nil {
						return err
					}
					found = append(found, shown)
				}
				if len(found) == 0 {
					return asof.Errorf(asof.CodeNotFound, "feature %q is in no feature view%s", args[0], asof.DidYouMean(args[0], names))
				}
				return printFeastJSON(a.stdio.Out, found, 4)
			})
		},
	}
}

func (h registered) feature(f viewFeature) (tree, error) {
	var source any
	if f.source != nil {
		var err error
		if source, err = h.tree(f.source); err != nil {
			return nil, err
		}
	}
	return tree{{"Feature Name", f.Name}, {"Feature View", f.view.ObjectName()}, {"Data Type", feastType(f.Type)},
		{"Description", f.Description}, {"Online Store", f.online}, {"Source", source}}, nil
}

// feastType writes a type as Feast prints it: the fields of a struct without
// quotes.
func feastType(t asof.Type) string {
	if elem, ok := t.Element(); ok {
		if t.IsSet() {
			return "Set(" + feastType(elem) + ")"
		}
		return "Array(" + feastType(elem) + ")"
	}
	if t.Value != asof.TypeStruct || len(t.Fields) == 0 {
		return t.String()
	}
	fields := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = fmt.Sprintf("%s: %s", f.Name, feastType(f.Type))
	}
	return "Struct({" + strings.Join(fields, ", ") + "})"
}

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

func (a *app) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete one object from the registry, and what is online of it",
		Long: "Deletes the object of that name: an entity, feature view, feature service, data source, saved\n" +
			"dataset, validation reference, label view or permission. What others use is not deleted. The\n" +
			"next apply makes it again where a definition file still has it.",
		Example: a.example("-c my_project delete usage_agg_30d_fv"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withSnapshot(ctx, func(r *repository, _ *asof.Snapshot) error {
				stores, err := r.applyStores(ctx)
				if err != nil {
					return err
				}
				r.noteDefinitions(ctx, "")
				object, err := apply.Remove(ctx, r.config.Project, args[0], stores)
				if err != nil {
					return err
				}
				if object == nil {
					fmt.Fprintln(a.stdio.Out, "Object not found. Deletion skipped.")
					return nil
				}
				r.noteDefinitions(ctx, apply.CauseDelete)
				fmt.Fprintf(a.stdio.Out, "Deleted %s %s from %s.\n", className(object), paint(a.stdio.Out, red, args[0]), r.config.Project)
				return nil
			})
		},
	}
}

// className returns the name of the Python class that Feast has for an object.
func className(o asof.Object) string {
	switch o := o.(type) {
	case *asof.FeatureView:
		return string(o.Kind)
	case *asof.OnDemandFeatureView:
		return "OnDemandFeatureView"
	}
	return map[asof.Kind]string{asof.KindProject: "Project", asof.KindEntity: "Entity", asof.KindDataSource: "DataSource",
		asof.KindService: "FeatureService", asof.KindPermission: "Permission", asof.KindSavedDataset: "SavedDataset",
		asof.KindLabelView: "LabelView", asof.KindValidationRef: "ValidationReference"}[o.ObjectKind()]
}

// schema is the power of a registry to make its tables before it is used.
type schema interface {
	CreateSchema(ctx context.Context) error
}

func (a *app) registryCommand() *cobra.Command {
	create := &cobra.Command{
		Use:     "create-schema",
		Short:   "Make the tables of a SQL registry before anybody uses it",
		Long:    "Makes the tables that are missing, in Feast's own layout, for a registry that is used by\naccounts which may not make tables.",
		Example: a.example("-c my_project registry create-schema"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				registry, err := r.Registry(cmd.Context())
				if err != nil {
					return err
				}
				tables, ok := registry.(schema)
				if !ok {
					return asof.Errorf(asof.CodeInvalid, "%s: a registry of type %q has no tables; this is for registry_type: sql", r.config.Path, r.config.Registry.Type)
				}
				if err := tables.CreateSchema(cmd.Context()); err != nil {
					return err
				}
				fmt.Fprintln(a.stdio.Out, "SQL registry schema created successfully.")
				return nil
			})
		},
	}
	return a.group("registry", "Prepare the registry, and show how its definitions changed", create, a.historyCommand())
}

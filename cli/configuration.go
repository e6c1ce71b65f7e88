package cli

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

func (a *app) configurationCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "configuration",
		Short:   "Print the repository's settings, without secrets",
		Example: a.example("-c my_project configuration"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				settings, err := r.config.Settings()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdio.Out, "%s\n", feastYAML(settingsTree(settings).(tree)))
				return err
			})
		},
	}
}

// settingsTree returns settings as they are printed.
func settingsTree(v any) any {
	switch v := v.(type) {
	case yaml.MapSlice:
		t := tree{}
		for _, item := range v {
			t = append(t, branch{fmt.Sprint(item.Key), settingsTree(item.Value)})
		}
		return t
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = settingsTree(v[i])
		}
		return items
	case nil, bool, string:
		return v
	}
	return literal(fmt.Sprint(v))
}

func (a *app) endpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "endpoint",
		Short:   "Print where the repository's feature server answers, if its provider runs one",
		Example: a.example("-c my_project endpoint"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				a.note("provider %s runs no feature server of its own: `%s -c %s serve` starts one on http://127.0.0.1:6566", r.config.Provider, a.name, a.globals.dir)
				return nil
			})
		},
	}
}

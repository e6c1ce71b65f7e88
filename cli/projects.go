package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

// protectedTag keeps a project out of lists, and from being deleted, where its
// value is "true": something else manages it.
const protectedTag = "feast.dev/protected-project"

func (a *app) projectsCommand() *cobra.Command {
	return a.group("projects", "List, describe and delete the registry's projects",
		a.listProjectsCommand(), a.describeProjectCommand(), a.currentProjectCommand(), a.deleteProjectCommand())
}

func (a *app) listProjectsCommand() *cobra.Command {
	var output string
	var tags []string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the projects of the registry",
		Example: a.example("-c my_project projects list"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := parseTags(tags)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				projects, err := r.projects(cmd.Context())
				if err != nil {
					return err
				}
				rows := [][]any{}
				for _, p := range projects {
					if p.Tags[protectedTag] != "true" && hasTags(p, wanted) {
						rows = append(rows, []any{p.Name, p.Description, pythonDict(p.Tags), p.Owner})
					}
				}
				return a.printList(output, []string{"NAME", "DESCRIPTION", "TAGS", "OWNER"}, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	tagsFlag(cmd, &tags)
	return cmd
}

// projects returns the projects of the registry, in its order.
func (r *repository) projects(ctx context.Context) (all []*asof.Project, err error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	message, err := r.message(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range message.GetProjects() {
		snapshot, err := registry.Snapshot(ctx, p.GetSpec().GetName())
		if err != nil {
			return nil, err
		}
		if project := snapshot.Project(); project != nil {
			all = append(all, project)
		}
	}
	return all, nil
}

// project returns a project of the registry, or an error with near names.
func (r *repository) project(ctx context.Context, name string) (*asof.Project, error) {
	projects, err := r.projects(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range projects {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, asof.Errorf(asof.CodeNotFound, "project %s does not exist in this registry%s", name, asof.DidYouMean(name, names))
}

// pythonDict is texts by name that a table shows as Feast does.
type pythonDict map[string]string

func (d pythonDict) String() string {
	var pairs []string
	for name, text := range d {
		pairs = append(pairs, fmt.Sprintf("%s: %s", pythonQuoted(name), pythonQuoted(text)))
	}
	slices.Sort(pairs)
	return "{" + strings.Join(pairs, ", ") + "}"
}

// pythonQuoted writes a text as Python's repr does.
func pythonQuoted(text string) string {
	text = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text)
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `\'`) + "'"
}

func (a *app) describeProjectCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show a project as it is registered",
		Example: a.example("-c my_project projects describe my_project"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return a.printProject(cmd.Context(), r, args[0]) })
		},
	}
}

func (a *app) currentProjectCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "current_project",
		Short:   "Show the repository's own project",
		Example: a.example("-c my_project projects current_project"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return a.printProject(cmd.Context(), r, r.config.Project) })
		},
	}
}

func (a *app) printProject(ctx context.Context, r *repository, name string) error {
	project, err := r.project(ctx, name)
	if err != nil {
		return err
	}
	alone := registered{snapshot: asof.NewSnapshot("", project.Meta.Updated, []asof.Object{project})}
	return a.printMessage("yaml", alone, project)
}

func (a *app) deleteProjectCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a project and all of its objects from the registry",
		Long: "Deletes a project and all of its objects from the registry, and forgets what was materialized.\n" +
			"What is online stays: run teardown in the project's own repository to remove that too.",
		Example: a.example("-c my_project projects delete old_project -y"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return a.deleteProject(cmd.Context(), r, args[0], yes) })
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) deleteProject(ctx context.Context, r *repository, name string, yes bool) error {
	project, err := r.project(ctx, name)
	if err != nil {
		return err
	}
	if project.Tags[protectedTag] == "true" {
		return asof.Errorf(asof.CodeForbidden, "project %q is protected: it is managed elsewhere, and not deleted here", name)
	}
	if !yes && !a.confirm(fmt.Sprintf("Are you sure you want to delete project '%s'? This will remove all associated resources from the registry. [y/N]: ", name)) {
		return asof.Errorf(asof.CodeInvalid, "project %q was not deleted: answer y, or give --yes", name)
	}
	registry, err := r.Registry(ctx)
	if err != nil {
		return err
	}
	snapshot, err := registry.Snapshot(ctx, name)
	if err != nil {
		return err
	}
	var views []string
	for _, v := range snapshot.Views() {
		views = append(views, v.Name)
	}
	ledger, err := r.Ledger(ctx)
	if err != nil {
		return err
	}
	if err := ledger.Forget(ctx, name, views); err != nil {
		return err
	}
	if err := registry.Teardown(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdio.Out, "Project '%s' deleted successfully.\n", name)
	return nil
}

// confirm asks a question and reports whether the answer is yes.
func (a *app) confirm(question string) bool {
	fmt.Fprint(a.stdio.Err, question)
	answer, err := bufio.NewReader(a.stdio.In).ReadString('\n')
	if err != nil {
		fmt.Fprintln(a.stdio.Err) // nobody has ended the line of the question
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

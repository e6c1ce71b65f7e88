package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/sample"
)

// feastTemplates are Feast's own, by which it fills a folder for one of its
// stores.
var feastTemplates = []string{"local", "gcp", "aws", "snowflake", "spark", "postgres", "hbase", "cassandra", "hazelcast", "couchbase",
	"milvus", "ray", "ray_rag", "rag", "pytorch_nlp"}

func (a *app) initCommand() *cobra.Command {
	var template, path string
	var minimal bool
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Make a repository that works",
		Long: "Makes the folder NAME (default: my_project) with definitions, both configurations (embedded and\n" +
			"PostgreSQL), a pipeline and a README. Templates: " + strings.Join(definition.Templates(), ", ") + ".",
		Example: a.example("init streamflow -t streamflow", "init my_project -t minimal"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return a.args("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "my_project"
			if len(args) > 0 {
				name = args[0]
			}
			if minimal {
				template = "minimal"
			}
			if err := knownTemplate(cmd, template); err != nil {
				return err
			}
			dir := a.path(name)
			if path != "" {
				dir = a.path(path)
			}
			files, err := definition.Init(dir, filepath.Base(name), template)
			if err != nil {
				return err
			}
			for _, f := range files {
				fmt.Fprintln(a.stdio.Out, filepath.Join(dir, f))
			}
			fmt.Fprintf(a.stdio.Out, "\nThe repository is in %s. Its README.md says what to do next.\n", dir)
			return nil
		},
	}
	cmd.Flags().StringVarP(&template, "template", "t", "minimal", "what to begin with")
	cmd.Flags().BoolVarP(&minimal, "minimal", "m", false, "the same as -t minimal")
	cmd.Flags().StringVar(&path, "repo-path", "", "the folder, where it is not to be called as the project")
	return cmd
}

func knownTemplate(cmd *cobra.Command, template string) error {
	hint := cmd.CommandPath() + " NAME -t streamflow"
	switch {
	case slices.Contains(definition.Templates(), template):
		return nil
	case slices.Contains(feastTemplates, strings.ToLower(template)):
		return usagef(hint, "template %q is Feast's own: begin with one of %s, and write your stores into its feature_store.yaml", template, strings.Join(definition.Templates(), ", "))
	}
	return usagef(hint, "there is no template %q%s", template, asof.DidYouMean(template, definition.Templates()))
}

// tooFew says which of the numbers is not one of at least one.
func tooFew(opts sample.Options) string {
	if opts.Users < 1 {
		return fmt.Sprintf("--users %d: write 1 or more", opts.Users)
	}
	return fmt.Sprintf("--months %d: write 1 or more", opts.Months)
}

func (a *app) sampleCommand() *cobra.Command {
	var out string
	opts := sample.Options{}
	streamflow := &cobra.Command{
		Use:     "streamflow --out DIR",
		Short:   "Make months of a video-streaming company, as CSV files",
		Example: a.example("sample streamflow --out data/seeds", "sample streamflow --out data/seeds --users 100000 --months 24 --seed 7"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef(cmd.CommandPath()+" --out data/seeds", "--out is missing: it names the folder for the months")
			}
			if opts.Users < 1 || opts.Months < 1 {
				return usagef(cmd.CommandPath()+" --help", "%s", tooFew(opts))
			}
			started := time.Now()
			months, err := sample.StreamFlow(cmd.Context(), a.path(out), opts)
			if err != nil {
				return err
			}
			for _, m := range months {
				fmt.Fprintf(a.stdio.Out, "%s as of %s: six files of %s\n", m.Dir, m.AsOf.Format(time.DateOnly), count(int64(opts.Users), "user", "users"))
			}
			fmt.Fprintf(a.stdio.Out, "Made in %s.\n", took(time.Since(started)))
			return nil
		},
	}
	streamflow.Flags().StringVar(&out, "out", "", "the folder for the months")
	streamflow.Flags().IntVar(&opts.Users, "users", 7043, "how many users")
	streamflow.Flags().IntVar(&opts.Months, "months", 2, "how many months")
	streamflow.Flags().Uint64Var(&opts.Seed, "seed", 0, "the same seed makes the same files")
	return a.group("sample", "Make sample data", streamflow)
}

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

// historyTime is how long a command that has changed the registry tries to say
// so in the log of definitions.
const historyTime = 10 * time.Second

// noteDefinitions enters the definitions as they are registered now into their
// log, with what led to them. The command has done its work by then: what goes
// wrong is a warning.
func (r *repository) noteDefinitions(ctx context.Context, cause string) {
	who := ""
	if cause != "" {
		who = localUser()
	}
	if _, err := r.noteBy(ctx, r.config.Project, cause, who, ""); err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s the history of definitions lacks this change: %s\n", paint(r.app.stdio.Err, yellow, "warning:"), err)
	}
}

// noteBy enters a project's definitions with what led to them, unless they are
// still those of a version, and returns theirs.
func (r *repository) noteBy(ctx context.Context, project, cause, who, unless string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	registry, err := r.Registry(ctx)
	if err != nil {
		return "", err
	}
	snapshot, err := registry.Snapshot(ctx, project)
	if err != nil || snapshot.Version == unless {
		return unless, err
	}
	log, err := r.History(ctx)
	if err != nil {
		return "", err
	}
	return snapshot.Version, apply.Note(ctx, log, project, snapshot, cause, who)
}

func (a *app) historyCommand() *cobra.Command {
	var output, kind string
	var limit int
	cmd := &cobra.Command{
		Use:   "history [NAME]",
		Short: "Show how definitions changed: when, by what, and the difference",
		Long: "Lists the changes of definitions, newest first; those of one object with the difference of each to the one before.\n" +
			"A change is entered by what makes it (apply, delete, a client of the registry server), or by whoever sees it first,\n" +
			"the console too: then it is not known what led to it. The newest 100 of each object are kept.",
		Example: a.example("-c my_project registry history", "-c my_project registry history subs_profile_fv --output json"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("", "--limit %d: write how many of the newest to list", limit)
			}
			q := asof.DefinitionQuery{Kind: asof.Kind(kind), Limit: limit}
			if len(args) > 0 {
				q.Name = args[0]
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				q.Project = r.config.Project
				return r.printHistory(cmd.Context(), q, output)
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", `only objects of this kind: "feature view", "entity", …`)
	cmd.Flags().IntVar(&limit, "limit", 20, "only the newest so many")
	outputFlag(cmd, &output)
	return cmd
}

// changedDefinition is a change as JSON.
type changedDefinition struct {
	At     instant          `json:"at"`
	Seen   instant          `json:"seen"`
	Kind   asof.Kind        `json:"kind"`
	Name   string           `json:"name"`
	Action string           `json:"action"` // created, changed, removed, first seen
	Cause  string           `json:"cause,omitempty"`
	Who    string           `json:"who,omitempty"`
	Diff   []apply.DiffLine `json:"diff,omitempty"`
	Text   string           `json:"definition"`
}

func (r *repository) printHistory(ctx context.Context, q asof.DefinitionQuery, output string) error {
	if output != "table" && output != "json" {
		return badOutput(output, "table", "json")
	}
	r.noteDefinitions(ctx, "")
	log, err := r.History(ctx)
	if err != nil {
		return err
	}
	steps, err := apply.History(ctx, log, q)
	if err != nil {
		return err
	}
	if len(steps) == 0 && q.Kind != "" && !slices.Contains(apply.Described, q.Kind) {
		return unknownKind(q.Kind)
	}
	if len(steps) == 0 && q.Name != "" {
		return r.noHistory(ctx, q)
	}
	list, rows := []changedDefinition{}, [][]string{}
	for _, s := range steps {
		c := changedDefinition{instant{s.At, ""}, instant{s.Seen, ""}, s.Kind, s.Name, s.Action, s.Cause, s.Who, s.Diff, s.Text}
		list = append(list, c)
		rows = append(rows, []string{c.At.String(), string(c.Kind), c.Name, c.Action, c.Cause, c.Who})
	}
	if output == "json" {
		return printJSON(r.app.stdio.Out, list)
	}
	if err := plainTable(r.app.stdio.Out, []string{"AT", "KIND", "NAME", "WHAT", "BY", "WHO"}, rows); err != nil || q.Name == "" {
		return err
	}
	for _, c := range list {
		r.app.printDiff(c)
	}
	return nil
}

// printDiff prints the difference that a change made.
func (a *app) printDiff(c changedDefinition) {
	if len(c.Diff) == 0 {
		return
	}
	out := a.stdio.Out
	fmt.Fprintf(out, "\n%s %s at %s\n", c.Kind, c.Name, c.At)
	for _, line := range c.Diff {
		text := line.Sign + line.Text
		switch line.Sign {
		case "+":
			text = paint(out, green, text)
		case "-":
			text = paint(out, red, text)
		case "@":
			text = "…"
		}
		fmt.Fprintln(out, text)
	}
}

// unknownKind is the error for what is no kind of object.
func unknownKind(kind asof.Kind) error {
	var known []string
	for _, k := range apply.Described {
		known = append(known, string(k))
	}
	return usagef("", "--kind is %q; known: %s", kind, strings.Join(known, ", "))
}

// noHistory is the error for an object that never was.
func (r *repository) noHistory(ctx context.Context, q asof.DefinitionQuery) error {
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range objectKinds {
		for _, o := range snapshot.Objects(k.kind) {
			names = append(names, o.ObjectName())
		}
	}
	slices.Sort(names)
	return asof.Errorf(asof.CodeNotFound, "the history of project %s has no %q%s", r.config.Project, q.Name, asof.DidYouMean(q.Name, slices.Compact(names)))
}

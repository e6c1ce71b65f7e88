package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

// usageError is the caller's wrong use of a command. The hint is a command
// that works.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), hint}
}

// group returns a command that only holds others. Its examples are the first
// of each of theirs.
func (a *app) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	var examples []string
	for _, c := range commands {
		first, _, _ := strings.Cut(c.Example, "\n")
		examples = append(examples, first)
	}
	group := &cobra.Command{Use: use, Short: short, Example: strings.Join(examples, "\n"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	group.AddCommand(commands...)
	return group
}

// findCommand says which word of args should have been a command, before the
// flags behind it are held against the wrong one.
func (a *app) findCommand(root *cobra.Command, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "help":
		args = args[1:]
	case len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd):
		return nil // of a shell that completes a line
	}
	root.InitDefaultCompletionCmd(args...)
	// Find has an error of its own for an unknown word; what it found so far
	// tells more.
	found, rest, _ := root.Find(args)
	if len(rest) == 0 || strings.HasPrefix(rest[0], "-") || !found.HasAvailableSubCommands() {
		return nil
	}
	var known []string
	for _, c := range found.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return usagef(found.CommandPath()+" --help", "unknown command %q%s", rest[0], asof.DidYouMean(rest[0], known))
}

// args checks the number of arguments and says what is missing by its name.
func (a *app) args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef(cmd.CommandPath()+" --help", "%s is missing: %s", names[len(args)], cmd.UseLine())
		case len(args) > len(names):
			return usagef(cmd.CommandPath()+" --help", "%q is one argument too many: %s", args[len(names)], cmd.UseLine())
		}
		return nil
	}
}

// globalFlags are the flags that go before the command, as one writes them.
var globalFlags = map[string]string{"c": "-c DIR", "chdir": "--chdir DIR", "f": "-f FILE",
	"feature-store-yaml": "--feature-store-yaml FILE", "log-level": "--log-level LEVEL"}

// flagKinds say what the values of a flag look like, by its type.
var flagKinds = map[string]string{"int": "a whole number", "uint64": "a whole number, not below 0",
	"duration": "a length of time, such as 48h or 90m", "bool": "true or false"}

var (
	shownFlags  = regexp.MustCompile(`--[a-z][a-z_-]*`)
	mistakeFlag = regexp.MustCompile(`--([a-z_-]+)" flag:`)
)

// flagMistake says what is wrong with a flag: one that is not there (with near
// ones), one that goes before the command, or a value of the wrong kind.
func (a *app) flagMistake(cmd *cobra.Command, err error) string {
	if wrong, ok := err.(interface{ GetValue() string }); ok {
		if m := mistakeFlag.FindStringSubmatch(err.Error()); m != nil {
			if kind := flagKinds[cmd.Flag(m[1]).Value.Type()]; kind != "" {
				return fmt.Sprintf("--%s %q: write %s", m[1], wrong.GetValue(), kind)
			}
		}
	}
	unknown, ok := err.(interface{ GetSpecifiedName() string })
	if !ok || !strings.HasPrefix(err.Error(), "unknown") {
		return err.Error()
	}
	name := unknown.GetSpecifiedName()
	if use, global := globalFlags[name]; global {
		_, command, _ := strings.Cut(cmd.CommandPath(), " ")
		return fmt.Sprintf("%s goes before the command: %s %s %s", strings.Fields(use)[0], a.name, use, command)
	}
	if len(name) == 1 {
		return fmt.Sprintf("unknown flag: -%s", name)
	}
	known := append(shownFlags.FindAllString(cmd.Flags().FlagUsages(), -1), "--chdir", "--feature-store-yaml", "--log-level")
	near := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, "--"+name) })
	if nearest := asof.Nearest("--"+name, known); near < 0 && len(nearest) > 0 {
		near = slices.Index(known, nearest[0])
	}
	if near < 0 {
		return "unknown flag: --" + name
	}
	return fmt.Sprintf("unknown flag: --%s; did you mean %q?", name, known[near])
}

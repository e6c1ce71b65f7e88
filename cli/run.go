// Package cli is the command line of Asof: its commands, what they print, and
// the wiring of a repository's stores. The engines come from the caller, so
// that an outsider's engine is a main of its own.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// Version is set by the build.
var Version = "dev"

// feastVersion is the version of Feast whose commands, files and protocols are
// spoken.
const feastVersion = "0.67.0"

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Stdio are the streams of a run.
type Stdio struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Run runs the command of args, args[0] being the program's name, and returns
// its exit code: 0 done, 1 failed, 2 wrong usage.
func Run(ctx context.Context, args []string, stdio Stdio, engines Engines) int {
	app := &app{name: programName(args[0]), stdio: stdio, engines: engines}
	rest, err := app.globals.parse(args[1:])
	if err == nil {
		err = app.globals.act()
	}
	if err == nil {
		root := app.command()
		root.SetArgs(rest)
		if err = app.findCommand(root, rest); err == nil {
			err = root.ExecuteContext(ctx)
		}
	}
	return app.exit(err)
}

// app is one run of the program.
type app struct {
	name    string
	stdio   Stdio
	engines Engines
	globals globals
}

// programName is what the program was called by: it answers to feast too.
func programName(path string) string {
	if base := strings.TrimSuffix(filepath.Base(path), ".exe"); base == "feast" {
		return base
	}
	return "asof"
}

// exit prints err, if any, and returns the code that it stands for.
func (a *app) exit(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(a.stdio.Err, "%s: interrupted\n", a.name)
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(a.stdio.Err, "%s: %s\n", a.name, usage.message)
		if usage.hint != "" {
			fmt.Fprintf(a.stdio.Err, "Try: %s\n", usage.hint)
		}
		return exitUsage
	case errors.Is(err, errReported):
		return exitFailed
	}
	fmt.Fprintf(a.stdio.Err, "%s: %s\n", a.name, err)
	return exitFailed
}

// errReported is a failure of which the command has told the user already.
var errReported = errors.New("reported")

// command returns the root command with all the others below it.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   a.name,
		Short: "Asof is a feature store in one binary",
		Long: "Asof is a feature store in one binary: define features once, get training data that\n" +
			"never sees the future, serve the same values online.",
		Example:           a.example("init my_project -t streamflow", "-c my_project apply", "-c my_project serve"),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Version:           Version,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("asof {{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.SetIn(a.stdio.In)
	root.SetOut(a.stdio.Out)
	root.SetErr(a.stdio.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd.CommandPath()+" --help", "%s", a.flagMistake(cmd, err))
	})
	root.AddCommand(a.initCommand(), a.sampleCommand(), a.applyCommand(), a.planCommand(), a.teardownCommand(),
		a.registryDumpCommand(), a.materializeCommand(), a.materializeIncrementalCommand(), a.materializationsCommand(), a.freshnessCommand(), a.verifyCommand(), a.monitorCommand(),
		a.onlineCommand(), a.historicalCommand(), a.datasetCommand(), a.explainCommand(), a.pipelineCommand(), a.serveCommand(), a.listenCommand(), a.serveTransformationsCommand(), a.serveRegistryCommand(), a.serveOfflineCommand(), a.uiCommand(), a.actionsCommand(), a.pingCommand(), a.versionCommand())
	root.AddCommand(a.objectCommands()...)
	root.AddCommand(a.projectsCommand(), a.featuresCommand(), a.permissionsCommand(), a.deleteCommand(), a.registryCommand(), a.configurationCommand(), a.endpointCommand(), a.doctorCommand())
	root.AddCommand(a.refusedCommands()...)
	return root
}

// example returns the examples of a help text, a command a line.
func (a *app) example(lines ...string) string {
	for i, line := range lines {
		lines[i] = "  " + a.name + " " + line
	}
	return strings.Join(lines, "\n")
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Example: a.example("version"), Args: a.args(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdio.Out, "asof %s (Feast %s)\n", Version, feastVersion)
			return err
		}}
}

// Main is the main function of a binary: it runs the process's arguments until
// done or interrupted.
func Main(engines Engines) {
	ctx, stop := interruptible()
	code := Run(ctx, os.Args, Stdio{os.Stdin, os.Stdout, os.Stderr}, engines)
	stop()
	os.Exit(code)
}

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if not .HasParent}}

Before the command:
  -c, --chdir DIR                  the repository (default: this folder; env FEATURE_REPO_DIR_ENV_VAR)
  -f, --feature-store-yaml FILE    its configuration (default: feature_store.yaml; env FEAST_FS_YAML_FILE_PATH)
      --log-level LEVEL            debug, info, warning or error (default: warning){{end}}
`

package cli

import "github.com/spf13/cobra"

// refusals say of each of Feast's commands that is not here what to do instead.
var refusals = map[string]string{
	"demo-notebooks": "there are no notebooks: `init NAME -t streamflow` makes a repository to try things in",
	"dbt":            "models of dbt are not imported: define a source over the table that a model writes, and `apply`",
	"mcp":            "there is no MCP server: `serve` answers tools over HTTP, and GET /openapi.json describes it",
	"mlflow":         "datasets of MLflow are not read: write training data by `get-historical-features -o FILE`, and log the file to MLflow",
	"serve_lineage":  "events of OpenLineage are not collected: run a collector of its own, such as Marquez",
	"validate":       "profiles of Great Expectations are not run: the checks of a pipeline hold new data against rules, and `verify` what is online against its sources",
}

// refusedCommands say what to do instead, whatever their flags.
func (a *app) refusedCommands() (refused []*cobra.Command) {
	for name, instead := range refusals {
		refused = append(refused, &cobra.Command{Use: name, Short: instead, Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
			RunE: func(*cobra.Command, []string) error { return usagef("", "%s: %s", name, instead) }})
	}
	return refused
}

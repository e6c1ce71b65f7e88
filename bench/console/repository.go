package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // writes the Parquet file
)

// The shape of the project.
const (
	features  = 10  // of a view
	perSource = 20  // views that read one source
	perTeam   = 10  // views that a service takes one feature of each
	teams     = 25  // owners
	pipelines = 10  // that the runs are of
	online    = 20  // views that are filled by our command
	users     = 100 // that have rows
	sets      = 10  // training sets
)

const storeYAML = `project: large
provider: local
registry: data/registry.db
offline_store: {type: duckdb}
online_store: {type: sqlite, path: data/online_store.db}
entity_key_serialization_version: 3
asof:
  freshness: "monthly, due day 5, grace 10 days"
`

const pipelineYAML = `name: %s
params: {as_of: {type: date, default: last day of last month}}
steps:
  - load: rows
    file: rows_{as_of}.csv
    key: id
    columns: {id: integer}
`

// makeRepository makes a repository, applies it, fills some views by our own
// commands, and enters what months of work leave behind.
func makeRepository(ctx context.Context, o options, dir string) error {
	if err := makeRows(ctx, dir); err != nil {
		return err
	}
	files := map[string]string{"feature_store.yaml": storeYAML, "entities.py": entitiesPy}
	for first := 0; first < o.views; first += perSource {
		files[fmt.Sprintf("views_%04d.py", first/perSource)] = viewsPy(dir, first, min(perSource, o.views-first))
	}
	for i := range pipelines {
		files[filepath.Join("pipelines", pipelineName(i)+".yaml")] = fmt.Sprintf(pipelineYAML, pipelineName(i))
	}
	if err := os.MkdirAll(filepath.Join(dir, "pipelines"), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := command(ctx, o, dir, "apply"); err != nil {
		return err
	}
	fill := []string{"materialize", "2024-01-01T00:00:00", "2024-03-01T00:00:00"}
	for i := range min(online, o.views) {
		fill = append(fill, "--views", viewName(i))
	}
	if err := command(ctx, o, dir, fill...); err != nil {
		return err
	}
	for i := range sets {
		out := filepath.Join(dir, fmt.Sprintf("training_%d.parquet", i))
		if err := command(ctx, o, dir, "get-historical-features", "--start", "2024-01-01", "--end", "2024-03-01", "-f", viewName(i%min(online, o.views))+":amount_0", "-o", out); err != nil {
			return err
		}
	}
	return enter(ctx, o, filepath.Join(dir, "data", "asof.db"))
}

func command(ctx context.Context, o options, dir string, args ...string) error {
	out, err := exec.CommandContext(ctx, o.asof, append([]string{"-c", dir}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("asof %s: %w\n%.2000s", args[0], err, out)
	}
	return nil
}

// makeRows writes what all sources read.
func makeRows(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	var columns strings.Builder
	for i := range features {
		fmt.Fprintf(&columns, ", random() * 1000 AS amount_%d", i)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("COPY (SELECT printf('user_%%d', u) AS user_id, month AS as_of%s FROM range(%d) AS users(u), (VALUES (TIMESTAMP '2024-01-31'), (TIMESTAMP '2024-02-29')) AS months(month)) TO '%s' (FORMAT parquet)",
		columns.String(), users, filepath.Join(dir, "rows.parquet")))
	return errors.Join(err, db.Close())
}

const entitiesPy = `from feast import Entity, ValueType

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="Who has a subscription")
`

func viewName(i int) string     { return fmt.Sprintf("usage_of_product_%d_fv", i) }
func pipelineName(i int) string { return fmt.Sprintf("ingest_%d", i) }

// viewsPy defines a source, its views, and the services that take them.
func viewsPy(dir string, first, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `from feast import FeatureService, FeatureView, Field, FileSource
from feast.types import Float64
from entities import user

rows_%[1]d = FileSource(name="rows_%[1]d", path=%[2]q, timestamp_field="as_of", description="What the billing of part %[1]d counts", owner="team_%[3]d@example.com")

`, first/perSource, filepath.Join(dir, "rows.parquet"), first/perSource%teams)
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, `view_%[1]d = FeatureView(name=%[2]q, entities=[user], ttl=None, source=rows_%[3]d,
    schema=[Field(name="amount_%%d" %% i, dtype=Float64, description="Amount %%d of product %[1]d" %% i) for i in range(%[4]d)],
    description="What users do with product %[1]d", owner="team_%[5]d@example.com", tags={"team": "team_%[5]d", "tier": "tier_%[6]d"})
`, i, viewName(i), first/perSource, features, i%teams, i%3)
	}
	for at := first; at < first+n; at += perTeam {
		var taken []string
		for i := at; i < min(at+perTeam, first+n); i++ {
			taken = append(taken, fmt.Sprintf(`view_%d[["amount_0"]]`, i))
		}
		fmt.Fprintf(&b, "service_%d = FeatureService(name=\"model_%d\", features=[%s])\n", at/perTeam, at/perTeam, strings.Join(taken, ", "))
	}
	return b.String()
}

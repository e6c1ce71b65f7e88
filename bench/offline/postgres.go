package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// cell is one measurement on PostgreSQL.
type cell struct {
	name     string
	schema   string
	entities int
	plans    []string // the floors
	feast    bool
}

// cells: tables with a key on (user_id, as_of) and without one; and tables in
// which one user has 100,000 rows, of whom half of the entity rows ask. There
// each of those would be met with all rows of the user by DISTINCT ON: it is
// left out.
var cells = []cell{
	{"keyed, 10,000", "keyed", 10_000, []string{byLateral, byDistinct, byPull, byPullKeys}, true},
	{"no key, 10,000", "plain", 10_000, []string{byDistinct, byPull, byPullKeys}, true},
	{"keyed, 100,000", "keyed", 100_000, []string{byLateral, byDistinct, byPull, byPullKeys}, true},
	{"no key, 100,000", "plain", 100_000, []string{byDistinct, byPull, byPullKeys}, true},
	{"hot user, keyed", "hot_keyed", 10_000, []string{byLateral, byPull, byPullKeys}, false},
	{"hot user, no key", "hot_plain", 10_000, []string{byPull, byPullKeys}, false},
}

// runPostgres measures each cell, contenders in turns.
func runPostgres(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "asof-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startPostgres(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	fmt.Printf("\nPostgreSQL: three views of %d rows, 11 features; ours and Feast write Parquet, the floors CSV\n", o.users*o.months)
	if err := makeTables(ctx, s, dir, o); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	for _, c := range cells {
		contenders, err := c.prepare(s, dir, o)
		if err != nil {
			return err
		}
		for turn := range o.runs {
			for _, one := range contenders {
				if turn < one.turns {
					if err := one.measure(ctx); err != nil {
						return fmt.Errorf("%s: %w", c.name, err)
					}
				}
			}
			if turn == 0 { // outputs are compared before times are
				files := []string{"postgres-compare", strconv.Itoa(c.entities)}
				for _, one := range contenders {
					files = append(files, one.output)
				}
				if err := child(ctx, files...); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
		c.report(contenders)
	}
	return leftBehind(ctx, s)
}

// prepare lists the contenders: the floors first, then ours.
func (c cell) prepare(s *database, root string, o options) ([]*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, c.schema)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	yaml := fmt.Sprintf(postgresYAML, s.port, c.schema)
	for name, text := range map[string]string{"feature_store.yaml": yaml, "features.py": postgresPy, "feast_run.py": feastPy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if out, err := exec.Command(o.asof, "-c", dir, "apply").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("asof apply: %w\n%s", err, out)
	}
	rows := filepath.Join(root, fmt.Sprintf("%s_%d", strings.TrimSuffix(strings.TrimSuffix(c.schema, "keyed"), "plain"), c.entities))
	entities, err := os.ReadFile(rows + ".parquet")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "entities.parquet"), entities, 0o644); err != nil {
		return nil, err
	}
	var all []*contender
	for _, plan := range c.plans {
		output := filepath.Join(dir, plan+".floor.csv")
		all = append(all, &contender{name: "floor: " + plan, command: []string{self, "postgres-floor", plan, s.url(c.schema), rows + ".csv", output}, output: output, turns: o.runs})
	}
	ours := func(name, output string, flags ...string) *contender {
		command := append([]string{o.asof, "-c", dir, "get-historical-features", "--entity-df", "entities.parquet", "-o", output}, flags...)
		for _, ref := range references {
			command = append(command, "-f", ref)
		}
		return &contender{name: name, command: command, output: filepath.Join(dir, output), turns: o.runs}
	}
	all = append(all, ours("asof", "ours.parquet", "--no-receipt"), ours("asof, with a receipt", "receipted.parquet"))
	if o.feast != "" && c.feast {
		all = append(all, &contender{name: "Feast 0.67, Postgres", command: append([]string{o.feast, filepath.Join(dir, "feast_run.py"), dir}, references...),
			output: filepath.Join(dir, "feast.parquet"), turns: min(o.runs, 2)})
	}
	return all, nil
}

// comparePostgres holds the outputs against the first floor's.
func comparePostgres(ctx context.Context, entities string, outputs []string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	read := func(path string) string {
		from := fmt.Sprintf("read_parquet('%s')", path)
		if strings.HasSuffix(path, ".csv") {
			from = fmt.Sprintf("read_csv('%s', header = true)", path)
		}
		return fmt.Sprintf(`SELECT user_id, event_timestamp::TIMESTAMP AS at, row, months::BIGINT, fee::FLOAT, paperless::BOOLEAN, service, plan::BIGINT, hours::FLOAT,
			minutes::FLOAT, devices::BIGINT, skips::BIGINT, tickets::BIGINT, resolution::FLOAT FROM %s`, from)
	}
	for _, other := range outputs[1:] {
		var rows, differ int
		query := fmt.Sprintf("SELECT (SELECT count(*) FROM (%[1]s)), (SELECT count(*) FROM ((%[1]s) EXCEPT ALL (%[2]s)))", read(other), read(outputs[0]))
		if err := db.QueryRowContext(ctx, query).Scan(&rows, &differ); err != nil {
			return fmt.Errorf("comparing the output %s: %w", other, err)
		}
		if strconv.Itoa(rows) != entities || differ != 0 {
			return fmt.Errorf("%s has %d rows, %d of them unlike those of %s", other, rows, differ, outputs[0])
		}
	}
	return nil
}

// report prints a cell: ratios are to the best floor.
func (c cell) report(contenders []*contender) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tmedian\tmin\tmax\tto the best floor\tpeak memory\n", c.name)
	best := median(contenders[0].times)
	for _, floor := range contenders[:len(c.plans)] {
		best = min(best, median(floor.times))
	}
	for _, one := range contenders {
		fmt.Fprintf(w, "%s ×%d\t%.2f s\t%.2f s\t%.2f s\t%.2f\t%.2f GiB\n", one.name, len(one.times), median(one.times).Seconds(),
			slices.Min(one.times).Seconds(), slices.Max(one.times).Seconds(), float64(median(one.times))/float64(best), float64(one.peak)/(1<<30))
	}
	w.Flush()
}

// leftBehind fails where something of a query is left in the database. Feast
// makes a table of each question's entity rows, and drops it.
func leftBehind(ctx context.Context, s *database) error {
	conn, err := connect(ctx, s.url("public"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var tables, busy int
	if err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			WHERE c.relkind = 'r' AND (n.nspname LIKE 'pg_temp%' OR n.nspname IN ('public', 'keyed', 'plain', 'hot_keyed', 'hot_plain'))),
		(SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid() AND state <> 'idle')`).Scan(&tables, &busy); err != nil {
		return err
	}
	if want := 4 * len(views); tables != want || busy != 0 {
		return fmt.Errorf("the database has %d tables, not %d, and %d connections at work: something was left behind", tables, want, busy)
	}
	fmt.Println("Nothing was left behind in the database.")
	return nil
}

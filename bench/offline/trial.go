package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// trial is one set of data, and who makes the training set of it.
type trial struct {
	name       string
	data       data
	entities   int
	feast      bool
	runs       int     // turns, at most
	atMost     float64 // what our cost per entity row may be beside the first trial's
	memory     int64   // bytes that we may take
	dir        string
	contenders []*contender // the floor, then ours
}

// ours is our place among the contenders.
const ours = 1

// hotRows are the rows that one user has in each view where there is a hot user.
const hotRows = 100_000

// trials returns what is measured: one set of data where its size is asked for.
func trials(o options) []*trial {
	even := func(entities, runs int, feast bool, atMost float64, memory int64) *trial {
		return &trial{name: fmt.Sprintf("%d entity rows × three views of %d rows", entities, o.users*o.months),
			entities: entities, data: data{entities: entities, users: o.users, months: o.months}, runs: runs, feast: feast, atMost: atMost, memory: memory}
	}
	if o.entities > 0 {
		return []*trial{even(o.entities, o.runs, true, 1, 0)}
	}
	hot := even(1_000_000, o.runs, false, 1.1, 1<<30)
	hot.name = fmt.Sprintf("one of the users has %d of the rows of each view", hotRows)
	hot.data.hot = hotRows
	return []*trial{even(1_000_000, o.runs, true, 1, 1<<30), even(10_000_000, min(o.runs, 3), false, 1.2, 2<<30), hot}
}

// prepare makes the data, our repository and Feast's script, and lists the
// contenders.
func (t *trial) prepare(ctx context.Context, o options) error {
	if err := child(ctx, append([]string{"data", t.dir}, t.data.arguments()...)...); err != nil {
		return fmt.Errorf("making the data: %w", err)
	}
	for name, text := range map[string]string{"feature_store.yaml": storeYAML, "features.py": featuresPy, "feast_run.py": feastPy} {
		if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if out, err := exec.CommandContext(ctx, o.asof, "-c", t.dir, "apply").CombinedOutput(); err != nil {
		return fmt.Errorf("asof apply: %w\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	asof := []string{o.asof, "-c", t.dir, "get-historical-features", "--entity-df", "entities.parquet", "-o", "ours.parquet"}
	for _, ref := range references {
		asof = append(asof, "-f", ref)
	}
	t.contenders = []*contender{
		{name: "floor: bare DuckDB", command: []string{self, "floor", t.dir}, output: filepath.Join(t.dir, "floor.parquet"), turns: t.runs},
		{name: "asof", command: asof, output: filepath.Join(t.dir, "ours.parquet"), turns: t.runs},
	}
	if t.feast && o.feast != "" {
		t.contenders = append(t.contenders, &contender{name: "Feast 0.67, DuckDB", turns: min(t.runs, 2), output: filepath.Join(t.dir, "feast.parquet"),
			command: append([]string{o.feast, filepath.Join(t.dir, "feast_run.py"), t.dir}, references...)})
	}
	return nil
}

// turn measures every contender once. In the first turn their outputs are
// compared, before their times are.
func (t *trial) turn(ctx context.Context, turn int) error {
	for _, c := range t.contenders {
		if turn < c.turns {
			if err := c.measure(ctx); err != nil {
				return err
			}
		}
	}
	if turn > 0 {
		return nil
	}
	files := []string{"compare", strconv.Itoa(t.entities)}
	for _, c := range t.contenders {
		files = append(files, c.output)
	}
	return child(ctx, files...)
}

// chore is work with DuckDB in this process, which takes memory: it is a
// process of its own, started by child.
func chore(ctx context.Context, args []string) error {
	switch args[0] {
	case "floor":
		return floor(ctx, args[1])
	case "remote-floor":
		return remoteFloor(ctx, args[1])
	case "data":
		return makeData(ctx, args[1], args[2:])
	case "compare":
		return compare(ctx, args[1], args[2:])
	case "postgres-floor":
		return postgresFloor(ctx, args[1], args[2], args[3], args[4])
	case "postgres-entities":
		return makeEntities(ctx, args[1], args[2])
	case "postgres-compare":
		return comparePostgres(ctx, args[1], args[2:])
	}
	return fmt.Errorf("there is nothing called %s to do", args[0])
}

func child(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, self, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2"
)

// floor is the bare engine: one statement from file to file, the rows in
// whatever order they come.
func floor(dir string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), fmt.Sprintf(`SET preserve_insertion_order = false;
		COPY (
			SELECT e.*, %s
			FROM read_parquet('%[2]s/entities.parquet') AS e
			ASOF LEFT JOIN read_parquet('%[2]s/profile.parquet') AS p ON e.user_id = p.user_id AND e.event_timestamp >= p.as_of
			ASOF LEFT JOIN read_parquet('%[2]s/usage.parquet') AS u ON e.user_id = u.user_id AND e.event_timestamp >= u.as_of
			ASOF LEFT JOIN read_parquet('%[2]s/support.parquet') AS s ON e.user_id = s.user_id AND e.event_timestamp >= s.as_of
		) TO '%[2]s/floor.parquet' (FORMAT parquet)`, features, dir))
	return errors.Join(err, db.Close())
}

// features are the columns of the answer behind the entity rows'.
const features = `months, fee, paperless, service, plan, hours, minutes, devices, skips, tickets, resolution`

// makeData writes the entity rows and the three sources.
func makeData(ctx context.Context, o options) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	user := func(n string) string { return "printf('%07d-USER', " + n + ")" }
	view := func(name, columns string) string {
		return fmt.Sprintf(`COPY (SELECT %s AS user_id, TIMESTAMP '2023-01-31' + to_months(m::INT) AS as_of, %s
			FROM range(%d) AS months(m), range(%d) AS users(u)) TO '%s' (FORMAT parquet)`,
			user("u"), columns, o.months, o.users, filepath.Join(o.dir, name+".parquet"))
	}
	for _, statement := range []string{
		"SET preserve_insertion_order = false; SELECT setseed(0.5)",
		view("profile", "(random() * 72)::BIGINT AS months, (18 + random() * 100)::FLOAT AS fee, random() < 0.6 AS paperless, "+
			"['DSL', 'Fiber optic', 'No'][1 + (random() * 2.99)::INT] AS service, (random() * 4)::BIGINT AS plan"),
		view("usage", "(random() * 50)::FLOAT AS hours, (random() * 30)::FLOAT AS minutes, (random() * 3)::BIGINT AS devices, (random() * 14)::BIGINT AS skips"),
		view("support", "(random() * 4)::BIGINT AS tickets, (random() * 25)::FLOAT AS resolution"),
		fmt.Sprintf(`COPY (SELECT %s AS user_id, TIMESTAMP '2023-01-01' + to_seconds((random() * 63000000)::BIGINT) AS event_timestamp, i AS row
			FROM range(%d) AS entities(i)) TO '%s' (FORMAT parquet)`, user(fmt.Sprintf("(random() * %d)::BIGINT", o.users-1)), o.entities, filepath.Join(o.dir, "entities.parquet")),
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// compare holds the outputs against the floor's, row by row, and ours against
// the order of the entity rows.
func compare(ctx context.Context, o options, contenders []*contender) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	read := func(path string) string {
		return fmt.Sprintf("SELECT user_id, event_timestamp::TIMESTAMP, row, %s FROM read_parquet('%s')", features, path)
	}
	for _, c := range contenders[1:] {
		var rows, differ int
		query := fmt.Sprintf("SELECT (SELECT count(*) FROM (%[1]s)), (SELECT count(*) FROM ((%[1]s) EXCEPT ALL (%[2]s)))", read(c.output), read(contenders[0].output))
		if err := db.QueryRowContext(ctx, query).Scan(&rows, &differ); err != nil {
			return fmt.Errorf("comparing the output of %s: %w", c.name, err)
		}
		if rows != o.entities || differ != 0 {
			return fmt.Errorf("%s answers %d rows, %d of them unlike the floor's", c.name, rows, differ)
		}
	}
	var ordered bool
	query := fmt.Sprintf("SELECT bool_and(row = nr) FROM (SELECT row, row_number() OVER () - 1 AS nr FROM read_parquet('%s'))", contenders[1].output)
	if err := db.QueryRowContext(ctx, query).Scan(&ordered); err != nil || !ordered {
		return fmt.Errorf("our rows are not in the order of the entity rows (%v)", err)
	}
	return nil
}

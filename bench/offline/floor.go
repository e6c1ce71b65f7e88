package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	_ "github.com/duckdb/duckdb-go/v2"
)

// floor is the bare engine: one statement from file to file, the rows in
// whatever order they come.
func floor(ctx context.Context, dir string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`SET preserve_insertion_order = false;
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

// compare holds outputs against the first, the floor's, row by row, and the
// second, ours, against the order of the entity rows.
func compare(ctx context.Context, entities string, outputs []string) error {
	wanted, err := strconv.Atoi(entities)
	if err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	read := func(path string) string {
		return fmt.Sprintf("SELECT user_id, event_timestamp::TIMESTAMP, row, %s FROM read_parquet('%s')", features, path)
	}
	for _, output := range outputs[1:] {
		var rows, differ int
		query := fmt.Sprintf("SELECT (SELECT count(*) FROM (%[1]s)), (SELECT count(*) FROM ((%[1]s) EXCEPT ALL (%[2]s)))", read(output), read(outputs[0]))
		if err := db.QueryRowContext(ctx, query).Scan(&rows, &differ); err != nil {
			return fmt.Errorf("comparing %s: %w", output, err)
		}
		if rows != wanted || differ != 0 {
			return fmt.Errorf("%s has %d rows, %d of them unlike the floor's", output, rows, differ)
		}
	}
	var ordered bool
	query := fmt.Sprintf("SELECT bool_and(row = nr) FROM (SELECT row, row_number() OVER () - 1 AS nr FROM read_parquet('%s'))", outputs[ours])
	if err := db.QueryRowContext(ctx, query).Scan(&ordered); err != nil || !ordered {
		return fmt.Errorf("our rows are not in the order of the entity rows (%v)", err)
	}
	return nil
}

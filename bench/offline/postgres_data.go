package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// makeTables makes the tables of the four schemas, and the entity rows as CSV
// and Parquet.
func makeTables(ctx context.Context, s *database, dir string, o options) error {
	columns := map[string]string{
		"profile": `(random() * 72)::bigint AS months, (18 + random() * 100)::real AS fee, random() < 0.6 AS paperless,
			(ARRAY['DSL', 'Fiber optic', 'No'])[1 + trunc(random() * 2.99)::int] AS service, (random() * 4)::bigint AS plan`,
		"usage":   "(random() * 50)::real AS hours, (random() * 30)::real AS minutes, (random() * 3)::bigint AS devices, (random() * 14)::bigint AS skips",
		"support": "(random() * 4)::bigint AS tickets, (random() * 25)::real AS resolution",
	}
	statements := []string{"SELECT setseed(0.5)"}
	for _, schema := range []string{"plain", "keyed", "hot_plain", "hot_keyed"} {
		statements = append(statements, "CREATE SCHEMA "+schema)
	}
	for _, v := range views {
		monthly := fmt.Sprintf(`SELECT lpad(u::text, 7, '0') || '-USER' AS user_id, timestamp '2023-01-31' + m * interval '1 month' AS as_of, %s
			FROM generate_series(0, %d) AS m, generate_series(0, %d) AS u`, columns[v.table], o.months-1, o.users-1)
		hot := fmt.Sprintf(`SELECT '%s' AS user_id, timestamp '2023-01-01' + i * interval '10 minutes' AS as_of, %s
			FROM generate_series(1, %d) AS i`, hotUser, columns[v.table], hotRows)
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE plain.%s AS %s", v.table, monthly),
			fmt.Sprintf("CREATE TABLE hot_plain.%s AS %s WHERE u %% 4 = 0 UNION ALL %s", v.table, monthly, hot))
		for _, of := range []string{"", "hot_"} {
			statements = append(statements, fmt.Sprintf("CREATE TABLE %skeyed.%s AS TABLE %[1]splain.%[2]s", of, v.table),
				fmt.Sprintf("ALTER TABLE %skeyed.%s ADD PRIMARY KEY (user_id, as_of)", of, v.table))
		}
	}
	if err := s.admin(ctx, append(statements, "VACUUM ANALYZE", "CHECKPOINT")...); err != nil {
		return err
	}
	return child(ctx, "postgres-entities", dir, strconv.Itoa(o.users))
}

const hotUser = "the-hot-USER"

func makeEntities(ctx context.Context, dir, users string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	user := fmt.Sprintf("printf('%%07d-USER', (random() * (%s - 1))::BIGINT)", users)
	for _, made := range []struct {
		name string
		user string
		rows int
	}{{"_10000", user, 10_000}, {"_100000", user, 100_000}, {"hot__10000", "CASE WHEN i % 2 = 0 THEN '" + hotUser + "' ELSE " + user + " END", 10_000}} {
		query := fmt.Sprintf("SELECT %s AS user_id, TIMESTAMP '2023-01-01' + to_seconds((random() * 63000000)::BIGINT) AS event_timestamp, i AS row FROM range(%d) AS entities(i)",
			made.user, made.rows)
		path := filepath.Join(dir, made.name)
		if _, err := db.ExecContext(ctx, fmt.Sprintf(`SELECT setseed(0.5); COPY (%s) TO '%s.parquet' (FORMAT parquet);
			COPY (FROM read_parquet('%[2]s.parquet')) TO '%[2]s.csv' (FORMAT csv, HEADER)`, query, path)); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

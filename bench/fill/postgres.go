package main

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // PostgreSQL by database/sql, to compare what it holds
)

func storedPostgres(ctx context.Context, url string) (map[string][]row, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return ofTables(ctx, db)
}

// loadPostgres writes by COPY: with the rule into a temporary table, and from
// there where no newer row is.
func loadPostgres(ctx context.Context, url, view string, rows []row, newest bool) error {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	var table string
	if err := db.QueryRow(ctx, "SELECT 'asof_online_' || id FROM asof_online_view WHERE view = $1", view).Scan(&table); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		into := table
		if newest {
			into = "loaded"
			if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE loaded (entity_key bytea, event_us bigint, created_us bigint, row bytea) ON COMMIT DROP"); err != nil {
				return err
			}
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{into}, []string{"entity_key", "event_us", "created_us", "row"}, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			return []any{rows[i][0], number(rows[i][1]), number(rows[i][2]), rows[i][3]}, nil
		}))
		if err != nil || !newest {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO "+table+" AS t SELECT * FROM loaded ON CONFLICT (entity_key) DO UPDATE "+
			"SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row "+
			"WHERE excluded.event_us > t.event_us OR excluded.event_us = t.event_us AND excluded.created_us >= t.created_us")
		return err
	})
}

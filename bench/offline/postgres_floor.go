package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// views are the three sources with the columns that are asked for, in the order
// of the answer.
var views = []struct{ table, columns, types string }{
	{"profile", "months, fee, paperless, service, plan", "'months':'BIGINT','fee':'FLOAT','paperless':'BOOLEAN','service':'VARCHAR','plan':'BIGINT'"},
	{"usage", "hours, minutes, devices, skips", "'hours':'FLOAT','minutes':'FLOAT','devices':'BIGINT','skips':'BIGINT'"},
	{"support", "tickets, resolution", "'tickets':'BIGINT','resolution':'FLOAT'"},
}

// The plans that a person would write by hand.
const (
	byLateral  = "LATERAL"
	byDistinct = "DISTINCT ON"
	byPull     = "pulled"      // whole, and joined in DuckDB
	byPullKeys = "pulled keys" // only the rows of the keys asked for
)

// postgresFloor makes the training set by a plan: entity rows from a CSV file,
// which PostgreSQL reads fastest, the answer into another.
func postgresFloor(ctx context.Context, plan, url, entities, output string) error {
	if plan == byPull || plan == byPullKeys {
		return pulled(ctx, plan == byPullKeys, url, entities, output)
	}
	conn, err := withEntities(ctx, url, entities)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var columns []string
	var joins strings.Builder
	for i, v := range views {
		for _, c := range strings.Split(v.columns, ", ") {
			columns = append(columns, fmt.Sprintf("v%d.%s", i, c))
		}
		if plan == byLateral {
			fmt.Fprintf(&joins, ` LEFT JOIN LATERAL (SELECT * FROM %s AS s WHERE s.user_id = e.user_id AND s.as_of <= e.event_timestamp
				ORDER BY s.as_of DESC LIMIT 1) AS v%d ON true`, v.table, i)
			continue
		}
		fmt.Fprintf(&joins, ` LEFT JOIN (SELECT DISTINCT ON (e.row) e.row, s.* FROM e JOIN %s AS s ON s.user_id = e.user_id AND s.as_of <= e.event_timestamp
			ORDER BY e.row, s.as_of DESC) AS v%d ON v%[2]d.row = e.row`, v.table, i)
	}
	return copyOut(ctx, conn, "SELECT e.*, "+strings.Join(columns, ", ")+" FROM e"+joins.String(), output)
}

// pulled copies the sources out side by side and joins them in DuckDB.
func pulled(ctx context.Context, keys bool, url, entities, output string) error {
	var group errgroup.Group
	group.SetLimit(2)
	from := func(table string) string { return filepath.Join(filepath.Dir(output), table+".csv") }
	for _, v := range views {
		group.Go(func() error {
			query, conn, err := "SELECT user_id, as_of, "+v.columns+" FROM "+v.table, (*pgx.Conn)(nil), error(nil)
			if keys {
				query += " WHERE user_id IN (SELECT user_id FROM e)"
				conn, err = withEntities(ctx, url, entities)
			} else {
				conn, err = connect(ctx, url)
			}
			if err != nil {
				return err
			}
			defer conn.Close(ctx)
			return copyOut(ctx, conn, query, from(v.table))
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	var joins strings.Builder
	for i, v := range views {
		fmt.Fprintf(&joins, ` ASOF LEFT JOIN read_csv('%s', header = true, columns = {'user_id':'VARCHAR','as_of':'TIMESTAMP',%s}) AS v%d
			ON e.user_id = v%[3]d.user_id AND e.event_timestamp >= v%[3]d.as_of`, from(v.table), v.types, i)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`SET preserve_insertion_order = false;
		COPY (SELECT e.*, %s FROM read_csv('%s', header = true, columns = {'user_id':'VARCHAR','event_timestamp':'TIMESTAMP','row':'BIGINT'}) AS e %s)
		TO '%s' (FORMAT csv, HEADER)`, features, entities, joins.String(), output))
	return errors.Join(err, db.Close())
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) { return pgx.Connect(ctx, url) }

// withEntities connects, and copies the entity rows into a temporary table.
func withEntities(ctx context.Context, url, entities string) (*pgx.Conn, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	rows, err := os.Open(entities)
	if err == nil {
		defer rows.Close()
		_, err = conn.Exec(ctx, "CREATE TEMPORARY TABLE e (user_id text, event_timestamp timestamp, row bigint)")
	}
	if err == nil {
		_, err = conn.PgConn().CopyFrom(ctx, rows, "COPY e FROM STDIN (FORMAT csv, HEADER)")
	}
	if err == nil {
		_, err = conn.Exec(ctx, "ANALYZE e")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

func copyOut(ctx context.Context, conn *pgx.Conn, query, output string) error {
	out, err := os.Create(output)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().CopyTo(ctx, out, "COPY ("+query+") TO STDOUT (FORMAT csv, HEADER)")
	return errors.Join(err, out.Close())
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresFloor reads the tables by one prepared statement for each service.
// Its argument is the connection string.
func postgresFloor(args []string) (lookup, error) {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, args[0]+"?pool_max_conns=10")
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for service, views := range services {
		var parts []string
		for _, view := range views {
			var id int64
			if err := pool.QueryRow(ctx, "SELECT id FROM asof_online_view WHERE view = $1", view).Scan(&id); err != nil {
				return nil, err
			}
			parts = append(parts, fmt.Sprintf("SELECT entity_key, event_us, row FROM asof_online_%d WHERE entity_key = ANY ($1::bytea[])", id))
		}
		texts[service] = strings.Join(parts, " UNION ALL ")
	}
	return func(ctx context.Context, service string, keys [][]byte) (found int, err error) {
		rows, err := pool.Query(ctx, texts[service], keys)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			found += min(1, len(rows.RawValues()[2]))
		}
		return found, rows.Err()
	}, nil
}

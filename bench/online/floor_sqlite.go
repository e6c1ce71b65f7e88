package main

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// sqliteFloor reads the file through database/sql, one statement for each view
// and number of keys, kept prepared. Its argument is the path.
func sqliteFloor(args []string) (lookup, error) {
	db, err := sql.Open("sqlite", "file:"+args[0]+"?mode=rw&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	db.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	prepared := map[string]*sql.Stmt{}
	for service, views := range services {
		for _, view := range views {
			var id int64
			if err := db.QueryRow("SELECT id FROM asof_online_view WHERE view = ?", view).Scan(&id); err != nil {
				return nil, err
			}
			for _, n := range []int{1, 10, 100, 500} {
				text := fmt.Sprintf("SELECT event_us, row FROM asof_online_%d WHERE entity_key IN (%s)", id, strings.TrimSuffix(strings.Repeat("?,", n), ","))
				if prepared[fmt.Sprint(service, view, n)], err = db.Prepare(text); err != nil {
					return nil, err
				}
			}
		}
	}
	return func(ctx context.Context, service string, keys [][]byte) (found int, err error) {
		parameters := make([]any, len(keys))
		for i, key := range keys {
			parameters[i] = key
		}
		for _, view := range services[service] {
			rows, err := prepared[fmt.Sprint(service, view, len(keys))].QueryContext(ctx, parameters...)
			if err != nil {
				return 0, err
			}
			var event int64
			var row sql.RawBytes
			for rows.Next() {
				if err := rows.Scan(&event, &row); err != nil {
					return 0, err
				}
				found++
			}
			if err := rows.Close(); err != nil {
				return 0, err
			}
		}
		return found, nil
	}, nil
}

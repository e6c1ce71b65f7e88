package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver that our store uses
)

// ofTables reads the rows of the tables of both databases' layout.
func ofTables(ctx context.Context, db *sql.DB) (map[string][]row, error) {
	held := map[string][]row{}
	for _, v := range views {
		table, err := tableOf(ctx, db, v.name+"_fv")
		if err != nil {
			return nil, err
		}
		found, err := db.QueryContext(ctx, "SELECT entity_key, event_us, created_us, row FROM "+table)
		if err != nil {
			return nil, err
		}
		for found.Next() {
			var key, packed []byte
			var event, created int64
			if err := found.Scan(&key, &event, &created, &packed); err != nil {
				return nil, err
			}
			held[v.name+"_fv"] = append(held[v.name+"_fv"], row{key, bytesOf(event), bytesOf(created), packed})
		}
		if err := found.Err(); err != nil {
			return nil, err
		}
	}
	return held, nil
}

func tableOf(ctx context.Context, db *sql.DB, view string) (name string, err error) {
	var id int64
	err = db.QueryRowContext(ctx, "SELECT id FROM asof_online_view WHERE view = '"+view+"'").Scan(&id)
	return fmt.Sprintf("asof_online_%d", id), err
}

func storedSQLite(ctx context.Context, path string) (map[string][]row, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return ofTables(ctx, db)
}

// oneWriter is SQLite's rule.
var oneWriter sync.Mutex

// loadSQLite writes in one transaction, many rows a statement, in key order.
func loadSQLite(ctx context.Context, path, view string, rows []row, newest bool) error {
	oneWriter.Lock()
	defer oneWriter.Unlock()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer db.Close()
	table, err := tableOf(ctx, db, view)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	rule := " ON CONFLICT (entity_key) DO UPDATE SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row"
	if newest {
		rule += " WHERE excluded.event_us > event_us OR excluded.event_us = event_us AND excluded.created_us >= created_us"
	}
	const many = 64
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES "+strings.Repeat("(?,?,?,?),", many-1)+"(?,?,?,?)"+rule)
	if err != nil {
		return err
	}
	one, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES (?,?,?,?)"+rule)
	if err != nil {
		return err
	}
	for statement, n := insert, many; len(rows) > 0; rows = rows[n:] {
		if len(rows) < n {
			statement, n = one, 1
		}
		args := make([]any, 0, 4*many)
		for _, r := range rows[:n] {
			args = append(args, r[0], number(r[1]), number(r[2]), r[3])
		}
		if _, err := statement.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

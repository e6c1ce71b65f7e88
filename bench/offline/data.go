package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// data is the size of the entity rows and of the three sources: in each view
// every user has a row a month. A hot user has so many rows over the same time
// instead, and other users as many less, and the same share of the entity rows.
type data struct{ entities, users, months, hot int }

func (d data) arguments() []string {
	var list []string
	for _, n := range []int{d.entities, d.users, d.months, d.hot} {
		list = append(list, strconv.Itoa(n))
	}
	return list
}

// makeData writes the entity rows and the three sources into a folder.
func makeData(ctx context.Context, dir string, arguments []string) error {
	var d data
	for i, to := range []*int{&d.entities, &d.users, &d.months, &d.hot} {
		n, err := strconv.Atoi(arguments[i])
		if err != nil {
			return err
		}
		*to = n
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	for _, statement := range d.statements(dir) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

func (d data) statements(dir string) []string {
	cold := d.users - d.hot/d.months
	user := func(n string) string { return "printf('%07d-USER', " + n + ")" }
	rows := fmt.Sprintf("SELECT u, TIMESTAMP '2023-01-31' + to_months(m::INT) AS as_of FROM range(%d) AS months(m), range(%d) AS users(u)", d.months, cold)
	asked := fmt.Sprintf("(random() * %d)::BIGINT", cold-1)
	if d.hot > 0 {
		rows += fmt.Sprintf(" UNION ALL SELECT %d, TIMESTAMP '2023-01-31' + to_seconds(i * %d * 2592000 // %d) FROM range(%d) AS hot(i)", cold, d.months, d.hot, d.hot)
		asked = fmt.Sprintf("CASE WHEN random() < %f THEN %d ELSE %s END", float64(d.hot)/float64(d.users*d.months), cold, asked)
	}
	write := func(name, query string) string {
		return fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", query, filepath.Join(dir, name+".parquet"))
	}
	view := func(name, columns string) string {
		return write(name, fmt.Sprintf("SELECT %s AS user_id, as_of, %s FROM (%s)", user("u"), columns, rows))
	}
	return []string{
		"SET preserve_insertion_order = false; SELECT setseed(0.5)",
		view("profile", "(random() * 72)::BIGINT AS months, (18 + random() * 100)::FLOAT AS fee, random() < 0.6 AS paperless, "+
			"['DSL', 'Fiber optic', 'No'][1 + (random() * 2.99)::INT] AS service, (random() * 4)::BIGINT AS plan"),
		view("usage", "(random() * 50)::FLOAT AS hours, (random() * 30)::FLOAT AS minutes, (random() * 3)::BIGINT AS devices, (random() * 14)::BIGINT AS skips"),
		view("support", "(random() * 4)::BIGINT AS tickets, (random() * 25)::FLOAT AS resolution"),
		write("entities", fmt.Sprintf("SELECT %s AS user_id, TIMESTAMP '2023-01-01' + to_seconds((random() * 63000000)::BIGINT) AS event_timestamp, i AS row FROM range(%d) AS entities(i)",
			user(asked), d.entities)),
	}
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2"
)

// makeData writes rows of nine columns, of every type that is common.
func makeData(ctx context.Context, dir, rows string) error {
	return execute(ctx, fmt.Sprintf(`COPY (
		SELECT printf('%%04d-%%08d', i * 7919 %% 10000, i) AS user_id, DATE '2015-01-01' + CAST(i %% 3000 AS INTEGER) AS signup_date,
			CASE WHEN i %% 5 > 0 THEN i %% 2 = 0 END AS plan_stream_tv, i %% 73 AS months_active,
			CAST(18.25 + (i %% 10050) / 100.0 AS DECIMAL(8, 2)) AS monthly_fee, random() * 50 AS watch_hours,
			['Fiber optic', 'DSL', 'No'][1 + i %% 3] AS net_service,
			TIMESTAMP '2024-01-01' + INTERVAL 1 SECOND * (i %% 2000000) AS seen, i * 17 AS views
		FROM range(%s) t(i)) TO '%s/rows.csv' (FORMAT csv, HEADER)`, rows, dir))
}

// read is DuckDB's own reader, told what the pipeline is told.
const read = `read_csv('%s/rows.csv', header = true, columns = {user_id: 'VARCHAR', signup_date: 'DATE', plan_stream_tv: 'BOOLEAN',
	months_active: 'INTEGER', monthly_fee: 'DECIMAL(8, 2)', watch_hours: 'DOUBLE', net_service: 'VARCHAR', seen: 'TIMESTAMPTZ', views: 'BIGINT'})`

// readDuckDB loads the file with bare DuckDB, into a table or a Parquet file.
func readDuckDB(ctx context.Context, into, dir string) error {
	source := fmt.Sprintf(read, dir)
	if into == "table" {
		return execute(ctx, "CREATE TABLE rows AS FROM "+source)
	}
	return execute(ctx, fmt.Sprintf("COPY (FROM %s) TO '%s/floor.parquet' (FORMAT parquet, COMPRESSION zstd)", source, dir))
}

func execute(ctx context.Context, statement string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "SET TimeZone = 'UTC'; "+statement)
	return errors.Join(err, db.Close())
}

// runDuckDB measures the embedded warehouse.
func runDuckDB(ctx context.Context, o options, program, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	repo := filepath.Join(dir, "embedded")
	if err := writeRepository(repo, embeddedYAML); err != nil {
		return err
	}
	ours := &contender{name: "asof, Parquet warehouse", command: pipelineRun(program, repo, dir), memory: o.memory << 20,
		prepare: func(context.Context) error { return os.RemoveAll(filepath.Join(repo, "warehouse")) }}
	table := &contender{name: "DuckDB, read_csv into a table", command: []string{self, "duckdb", "table", dir}}
	file := &contender{name: "DuckDB, read_csv into Parquet", command: []string{self, "duckdb", "file", dir}}
	if err := turns(ctx, o.runs, ours, table, file); err != nil {
		return err
	}
	report(fmt.Sprintf("A CSV file of %d rows", o.rows), ours, table, file)
	return nil
}

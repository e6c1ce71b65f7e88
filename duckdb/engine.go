//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/asof-dev/asof/sqltext"
)

// engine is a DuckDB in memory that is opened when it is first needed.
type engine struct {
	memory int64 // bytes; 0 before it is opened: three fifths of what there is
	spill  string

	mu        sync.Mutex
	connector *duckdb.Connector
	tables    atomic.Int64 // that sessions made for others to see
	made      bool         // the folder spill, by us
}

func (e *engine) open(ctx context.Context) (*duckdb.Connector, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.connector != nil {
		return e.connector, nil
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err == nil {
		err = errors.Join(e.set(ctx, conn), conn.Close())
	}
	if err != nil {
		return nil, errors.Join(err, connector.Close())
	}
	e.connector = connector
	return connector, nil
}

// set bounds DuckDB. Its own limit is four fifths of the memory that the
// machine, or the container, has; three quarters of that leave room for Go and
// for Arrow.
func (e *engine) set(ctx context.Context, conn driver.Conn) error {
	own, err := scalar(ctx, conn, "SELECT current_setting('memory_limit')")
	if err != nil {
		return err
	}
	size, err := bytesOf(own)
	if err != nil {
		return err
	}
	if most := size * 3 / 4; e.memory <= 0 || e.memory > most {
		e.memory = most
	}
	limit := fmt.Sprintf("%dKiB", max(e.memory>>10, 1))
	return execute(ctx, conn, "SET temp_directory = "+sqltext.Text(e.spill), "SET memory_limit = "+sqltext.Text(limit))
}

// bytesOf reads a size as DuckDB prints it: 12.3 GiB.
func bytesOf(text string) (int64, error) {
	var size float64
	var unit string
	if _, err := fmt.Sscan(text, &size, &unit); err != nil {
		return 0, fmt.Errorf("DuckDB's memory limit %q: %w", text, err)
	}
	power := slices.Index([]string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"}, unit)
	if power < 0 {
		return 0, fmt.Errorf("DuckDB's memory limit %q is in no unit that is known", text)
	}
	return int64(size * float64(int64(1)<<(10*power))), nil
}

// folder returns the folder for what does not fit in memory. It is there until
// DuckDB is closed.
func (e *engine) folder() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch err := os.Mkdir(e.spill, 0o700); {
	case err == nil:
		e.made = true
	case !errors.Is(err, fs.ErrExist):
		return "", err
	}
	return e.spill, nil
}

// scalar runs a query for one text, the last column of its row.
func scalar(ctx context.Context, conn driver.Conn, sql string) (string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, sql, nil)
	if err != nil {
		return "", err
	}
	value := make([]driver.Value, len(rows.Columns()))
	err = rows.Next(value)
	return fmt.Sprint(value[len(value)-1]), errors.Join(err, rows.Close())
}

func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.connector == nil {
		return nil
	}
	err := e.connector.Close()
	e.connector = nil
	if e.made {
		_ = os.Remove(e.spill) // stays where somebody else put something in it
		e.made = false
	}
	return err
}

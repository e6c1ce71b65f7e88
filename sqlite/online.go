package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Online is an asof.OnlineStore in one SQLite file. Each view has a table of
// its own, one packed row for each key; asof_online_view says which is whose,
// so that projects and views may have any name.
type Online struct {
	file
	keyVersion int
	schemas    sync.Map      // schema text → *value.Schema
	reads      chan struct{} // has room for each read that may run
	idle       sessions      // those that no read uses, the one used last on top: its pages are at hand
}

// sessions is a stack.
type sessions struct {
	mu    sync.Mutex
	stack []*session
}

func (s *sessions) push(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stack = append(s.stack, one)
}

// pop returns nil where there is none.
func (s *sessions) pop() (one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.stack); n > 0 {
		one, s.stack = s.stack[n-1], s.stack[:n-1]
	}
	return one
}

var _ asof.OnlineStore = (*Online)(nil)

// OpenOnline returns the store in the file of that path, with entity keys of
// that version (2 or 3). The file is made by the first Update.
func OpenOnline(path string, keyVersion int) (*Online, error) {
	if keyVersion != 2 && keyVersion != 3 {
		return nil, asof.Errorf(asof.CodeInvalid, "entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", keyVersion)
	}
	return &Online{file: newFile(path, "online store"), keyVersion: keyVersion, reads: make(chan struct{}, max(4, runtime.GOMAXPROCS(0)))}, nil
}

// Close closes the connections, once reads that are under way have ended.
func (o *Online) Close() error {
	for range cap(o.reads) {
		o.reads <- struct{}{}
	}
	for s := o.idle.pop(); s != nil; s = o.idle.pop() {
		s.close()
	}
	for range cap(o.reads) {
		<-o.reads
	}
	return o.file.Close()
}

// layout makes the table of tables. WITHOUT ROWID keeps rows in key order: a
// read touches one tree, and a sorted write fills it page by page.
const layout = `CREATE TABLE IF NOT EXISTS asof_online_view (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	project TEXT NOT NULL,
	view    TEXT NOT NULL,
	schema  TEXT NOT NULL,
	UNIQUE (project, view)
)`

const viewLayout = `CREATE TABLE asof_online_%d (
	entity_key BLOB PRIMARY KEY,
	event_us   INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	row        BLOB NOT NULL
) WITHOUT ROWID`

// viewTable is where the rows of a view are.
type viewTable struct {
	id     int64
	schema *value.Schema
}

func (t viewTable) name() string { return fmt.Sprintf("asof_online_%d", t.id) }

// Update makes tables for the views of keep and drops those of drop.
func (o *Online) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	return o.change(ctx, "making its tables", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, layout); err != nil {
			return err
		}
		for _, v := range keep {
			if err := o.keep(ctx, tx, project, v); err != nil {
				return err
			}
		}
		if err := o.drop(ctx, tx, project, drop); err != nil {
			return err
		}
		return changedTables(ctx, tx)
	})
}

// changedTables counts the file's version up: readers, who keep what they know of the
// tables, look at it with every read.
func changedTables(ctx context.Context, tx *sql.Tx) error {
	var version int32
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
	return err
}

func (o *Online) keep(ctx context.Context, tx *sql.Tx, project string, v *asof.FeatureView) error {
	table, err := o.find(ctx, tx, project, v.Name)
	if err != nil {
		return err
	}
	if table == nil {
		schema, _ := value.ParseSchema("") // a new one
		schema.Evolve(v)
		made, err := tx.ExecContext(ctx, "INSERT INTO asof_online_view (project, view, schema) VALUES (?, ?, ?)", project, v.Name, schema.Marshal())
		if err != nil {
			return err
		}
		id, err := made.LastInsertId()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf(viewLayout, id))
		return err
	}
	schema, err := value.ParseSchema(table.schema.Marshal()) // the cached one is shared
	if err != nil {
		return err
	}
	changed, rekeyed := schema.Evolve(v)
	if !changed {
		return nil
	}
	if rekeyed {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table.name()); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE asof_online_view SET schema = ? WHERE id = ?", schema.Marshal(), table.id)
	return err
}

func (o *Online) drop(ctx context.Context, tx *sql.Tx, project string, views []string) error {
	for _, view := range views {
		table, err := o.find(ctx, tx, project, view)
		if err != nil {
			return err
		}
		if table == nil {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+table.name()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM asof_online_view WHERE id = ?", table.id); err != nil {
			return err
		}
	}
	return nil
}

// Teardown drops the tables of the views. Views that have none are no error.
func (o *Online) Teardown(ctx context.Context, project string, views []string) error {
	if _, err := os.Stat(o.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return o.Update(ctx, project, nil, views)
}

// find returns the table of a view, nil where Update never saw it.
func (o *Online) find(ctx context.Context, tx *sql.Tx, project, view string) (*viewTable, error) {
	var table viewTable
	var text string
	err := tx.QueryRowContext(ctx, "SELECT id, schema FROM asof_online_view WHERE project = ? AND view = ?", project, view).Scan(&table.id, &text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil && strings.Contains(err.Error(), "no such table: asof_online_view"):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if known, ok := o.schemas.Load(text); ok {
		table.schema = known.(*value.Schema)
		return &table, nil
	}
	if table.schema, err = value.ParseSchema(text); err != nil {
		return nil, err
	}
	o.schemas.Store(text, table.schema)
	return &table, nil
}

// table is find for those who need the view.
func (o *Online) table(ctx context.Context, tx *sql.Tx, project, view string) (*viewTable, error) {
	t, err := o.find(ctx, tx, project, view)
	if t == nil && err == nil {
		return nil, o.unknown(project, view)
	}
	return t, err
}

func (o *Online) unknown(project, view string) error {
	return asof.Errorf(asof.CodeNotFound, "the online store %s has no table for feature view %q of project %q; run `asof apply`", o.path, view, project)
}

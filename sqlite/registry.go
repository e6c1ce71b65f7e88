package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registrysql"
)

// Registry is a registry in the tables of Feast's SQL registry, in a SQLite
// file that Feast's processes may use at the same time.
type Registry struct {
	*registrysql.Registry
	db *registryFile
}

// OpenRegistry returns the registry in the file at path. The first change makes
// it.
func OpenRegistry(path string) *Registry {
	db := &registryFile{file: newFile(path, "registry")}
	return &Registry{registrysql.New(db), db}
}

// Close closes the file.
func (r *Registry) Close() error { return r.db.close() }

// registryFile is the database of a registry. It is left in the journal mode
// that it has: Feast may have made it. One connection serves the process, whose
// counters tell whether anything has changed.
type registryFile struct {
	file

	mu     sync.Mutex // held by a transaction
	db     *sql.DB
	opened os.FileInfo
	times  int // that the file was opened
}

// Table returns the name of a table.
func (f *registryFile) Table(name string) string { return name }

// Where names the file.
func (f *registryFile) Where() string { return f.path }

// Read runs do in a transaction that sees one state; one of nothing where there
// is no file.
func (f *registryFile) Read(ctx context.Context, do func(registrysql.Tx) error) error {
	const doing = "the registry can't be read"
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Stat(f.path); errors.Is(err, os.ErrNotExist) {
		return do(statements{})
	}
	return f.fault(doing, f.transaction(ctx, "BEGIN", do))
}

// Write makes the tables that are missing, keeps other writers out, and runs do.
func (f *registryFile) Write(ctx context.Context, do func(registrysql.Tx) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return asof.Errorf(asof.CodeUnavailable, "cannot make the folder of the registry %s: %w", f.path, err)
	}
	err := f.transaction(ctx, "BEGIN IMMEDIATE", func(tx registrysql.Tx) error {
		for _, l := range registrysql.Layouts() {
			layout := "CREATE TABLE IF NOT EXISTS " + l.Name + " " + strings.ReplaceAll(l.Columns, "%[1]s", "BLOB")
			if err := tx.Exec(ctx, layout); err != nil {
				return err
			}
		}
		return do(tx)
	})
	return f.fault("the registry can't be changed", err)
}

// transaction runs do between begin and COMMIT. The caller holds the lock.
func (f *registryFile) transaction(ctx context.Context, begin string, do func(registrysql.Tx) error) error {
	if err := f.open(ctx); err != nil {
		return err
	}
	conn, err := f.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	if err = do(statements{conn}); err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// open opens the file, again where it was removed or replaced. The caller holds
// the lock.
func (f *registryFile) open(ctx context.Context) error {
	if info, err := os.Stat(f.path); f.db != nil && err == nil && os.SameFile(info, f.opened) {
		return nil
	}
	if f.db != nil {
		f.db.Close()
		f.db = nil
	}
	db, err := open(f.path, "mode=rwc&_pragma=synchronous(FULL)", f.busy)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if err = f.connect(ctx, db); err == nil {
		f.opened, err = os.Stat(f.path)
	}
	if err != nil {
		db.Close()
		return err
	}
	f.db = db
	f.times++
	return nil
}

func (f *registryFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db == nil {
		return nil
	}
	err := f.db.Close()
	f.db = nil
	return err
}

// State tells the file's state by SQLite's counters of what other connections
// and this one have changed.
func (f *registryFile) State(ctx context.Context, tx registrysql.Tx, _ string) (s registrysql.State, err error) {
	if tx == (statements{}) {
		return s, nil
	}
	var tables, others, own int64
	for _, q := range []struct {
		sql  string
		into *int64
	}{
		{"SELECT count(*) FROM sqlite_master WHERE name = '" + registrysql.Layouts()[0].Name + "'", &tables},
		{"PRAGMA data_version", &others}, {"SELECT total_changes()", &own},
	} {
		if err := tx.Query(ctx, q.sql, nil, func(scan func(...any) error) error { return scan(q.into) }); err != nil {
			return s, err
		}
	}
	if tables > 0 {
		s.Rows = fmt.Sprint(f.times, others, own)
	}
	return s, nil
}

// Unchanged can't tell more cheaply than State does.
func (f *registryFile) Unchanged(_ context.Context, _ string, was registrysql.State) (registrysql.State, bool, error) {
	return was, false, nil
}

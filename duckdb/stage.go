//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// publishedSchema holds the views of the tables as they are published; the
// schema main holds those of the staged tables, and the same views for all
// others.
const publishedSchema = "published"

// stage is a folder of Parquet files, and a DuckDB in memory that sees them as
// tables. It holds a pin of the warehouse; only to publish it takes the
// writer's lock.
type stage struct {
	w      *Warehouse
	run    string
	folder string // "" where nothing is staged
	engine engine

	mu       sync.Mutex
	manifest *manifest // as the pin holds it; the present one while the writer's lock is held
	content  *stageContent
	idle     []*link // connections that nobody uses
	pin      *os.File
	lock     *os.File // the writer's
	written  []string // new files that no manifest names yet, absolute
}

var runName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

// Stage opens the stage of a run, and takes it from whoever had it.
func (w *Warehouse) Stage(ctx context.Context, run string) (asof.Stage, error) {
	if !runName.MatchString(run) {
		return nil, asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a run: letters, digits, dots, dashes and underscores, 100 at most", run)
	}
	doing := "the stage of run " + run + " cannot be opened"
	folder, err := w.takeStage(run)
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "%s: %w", doing, err)
	}
	s := &stage{w: w, run: run, folder: folder}
	if s.content, err = readStage(folder); err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(fault(doing, err), s.Close())
	}
	return s, nil
}

// open starts DuckDB and shows it the tables.
func (s *stage) open(ctx context.Context) error {
	s.engine.spill = filepath.Join(s.w.dir, spillFolder)
	if s.folder != "" {
		s.engine.spill = filepath.Join(s.folder, "spill")
	}
	err := s.hold(ctx)
	if err != nil {
		return err
	}
	if s.manifest, err = readManifest(s.w.dir); err != nil {
		return err
	}
	l, err := s.link(ctx)
	if err != nil {
		return err
	}
	defer l.back()
	if err := l.execute(ctx, "CREATE SCHEMA "+publishedSchema); err != nil {
		return err
	}
	return s.show(ctx, l)
}

// show makes the views of all tables.
func (s *stage) show(ctx context.Context, l *link) error {
	for _, t := range s.w.pinned(s.manifest) {
		statements := []string{"CREATE OR REPLACE VIEW " + publishedSchema + "." + sqltext.Name(t.Name) + " AS FROM " + t.Relation}
		if s.content.Tables[t.Name] == nil {
			statements = append(statements, "CREATE OR REPLACE VIEW main."+sqltext.Name(t.Name)+" AS FROM "+publishedSchema+"."+sqltext.Name(t.Name))
		}
		if err := l.execute(ctx, statements...); err != nil {
			return err
		}
	}
	for name, t := range s.content.Tables {
		if err := l.execute(ctx, s.stagedView(name, t)); err != nil {
			return err
		}
	}
	return nil
}

// hold pins the files of the warehouse.
func (s *stage) hold(ctx context.Context) (err error) {
	s.pin, err = s.w.lock(ctx, readersLock, unix.LOCK_SH)
	return err
}

// enter takes the writer's lock, as soon as no other run has it, and shows the
// tables as they are by then. What nobody needs any more is removed.
func (s *stage) enter(ctx context.Context) error {
	lock, err := s.w.lock(ctx, writerLock, unix.LOCK_EX)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return asof.Errorf(asof.CodeUnavailable, "run %s: another run holds the warehouse %s: %w", s.run, s.w.dir, err)
	}
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "run %s cannot lock the warehouse: %w", s.run, err)
	}
	s.lock = lock
	s.unpin() // this lock holds the files, and sweeping needs to be without pins
	seen := s.manifest
	if s.manifest, err = readManifest(s.w.dir); err != nil {
		return err
	}
	if s.manifest.Retired, err = s.w.sweep(s.manifest); err != nil || reflect.DeepEqual(seen.Tables, s.manifest.Tables) {
		return err
	}
	l, err := s.link(ctx)
	if err != nil {
		return err
	}
	defer l.back()
	return s.show(ctx, l)
}

// leave removes files that were written and not published, and lets the next
// run in.
func (s *stage) leave(ctx context.Context) error {
	var errs []error
	for _, file := range s.written {
		errs = append(errs, os.Remove(file))
	}
	s.written = nil
	if s.lock == nil {
		return errors.Join(errs...)
	}
	errs = append(errs, s.hold(context.WithoutCancel(ctx)), s.lock.Close())
	s.lock = nil
	return errors.Join(errs...)
}

func (s *stage) unpin() {
	if s.pin != nil {
		_ = s.pin.Close()
		s.pin = nil
	}
}

// Published returns a table's name in the schema of published ones.
func (s *stage) Published(_ context.Context, table string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return publishedSchema + "." + sqltext.Name(table), s.manifest.Tables[table] != nil, nil
}

// Staged lists the tables of the stage.
func (s *stage) Staged(context.Context) (map[string]asof.Staged, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := map[string]asof.Staged{}
	for name, t := range s.content.Tables {
		list[name] = asof.Staged{Content: t.Content, Rows: t.Rows}
	}
	return list, nil
}

// Query runs a SELECT over the stage, on a connection of its own.
func (s *stage) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	l, err := s.link(ctx)
	if err != nil {
		return nil, s.fault("the query fails on the warehouse", err)
	}
	rows, err := l.arrow.QueryContext(ctx, sql)
	if err != nil {
		l.back()
		return nil, s.fault("the query fails on the warehouse", err)
	}
	return &linkReader{RecordReader: rows, link: l}, nil
}

// Close ends DuckDB and lets the warehouse's files go.
func (s *stage) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	var errs []error
	for _, l := range idle {
		errs = append(errs, l.conn.Close())
	}
	s.unpin()
	return errors.Join(append(errs, s.engine.close())...)
}

// Discard removes the folder.
func (s *stage) Discard(context.Context) error {
	return errors.Join(s.Close(), s.w.removeStage(s.folder))
}

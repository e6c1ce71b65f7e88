// Package sqlite keeps the online store, the ledger, the run store, statistics and
// Feast's SQL registry in SQLite files: no server, and several processes may use one at
// once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // registers the driver "sqlite" as well
	lib "modernc.org/sqlite/lib"

	"github.com/asof-dev/asof"
)

// file is one SQLite database in write-ahead mode: readers see the last commit
// and wait for nobody. It opens when first used.
//
// SQLite has one writer at a time: the process has one connection for writing,
// for which its goroutines queue, and other processes are waited for by the
// busy timeout.
type file struct {
	path string
	what string        // "online store", "ledger": for messages
	busy time.Duration // how long other processes are waited for

	mu      sync.Mutex
	writing *sql.DB
	reading *sql.DB
	written os.FileInfo // the file that writing has open
	frozen  os.FileInfo // the file that reading has open without locks; nil: with them
}

const busyTimeout = 10 * time.Second

func newFile(path, what string) file { return file{path: path, what: what, busy: busyTimeout} }

// writer returns the connection for writing. It makes the file and its folder,
// also where they were removed since.
func (f *file) writer(ctx context.Context) (*sql.DB, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writing != nil {
		if info, err := os.Stat(f.path); err == nil && os.SameFile(info, f.written) {
			return f.writing, nil
		}
		f.writing.Close() // what it had open is not there any more
		f.writing = nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "cannot make the folder of the %s %s: %w", f.what, f.path, err)
	}
	db, err := open(f.path, "mode=rwc&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", f.busy)
	if err != nil {
		return nil, f.fault("cannot open it", err)
	}
	db.SetMaxOpenConns(1)
	if err := f.connect(ctx, db); err != nil {
		db.Close()
		return nil, f.fault("cannot open it", err)
	}
	if f.written, err = os.Stat(f.path); err != nil {
		db.Close()
		return nil, f.fault("cannot open it", err)
	}
	f.writing = db
	return db, nil
}

// connect makes the connection. Of processes that make the file at once, SQLite
// turns all but one away without waiting.
func (f *file) connect(ctx context.Context, db *sql.DB) error {
	for end := time.Now().Add(f.busy); ; {
		err := db.PingContext(ctx)
		var fault *sqlite.Error
		if !errors.As(err, &fault) || fault.Code()&0xff != lib.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func open(path, settings string, busy time.Duration) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(),
		RawQuery: fmt.Sprintf("%s&_busy_timeout=%d", settings, busy.Milliseconds())}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// change runs do in one write transaction.
func (f *file) change(ctx context.Context, doing string, do func(tx *sql.Tx) error) error {
	db, err := f.writer(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return f.fault(doing, err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := do(tx); err != nil {
		return f.fault(doing, err)
	}
	return f.fault(doing, tx.Commit())
}

// Close closes the connections.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, db := range []*sql.DB{f.reading, f.writing} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	f.reading, f.writing = nil, nil
	return errors.Join(errs...)
}

// fault gives an error of the driver its code and a sentence. What is an
// asof.Error already, or the caller's own cancelling, stays as it is.
func (f *file) fault(doing string, err error) error {
	var known *asof.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return asof.Errorf(asof.CodeUnavailable, "%s %s: %s: no answer in time: %w", f.what, f.path, doing, err)
	}
	reason := err.Error()
	code := asof.CodeUnavailable
	var fault interface { // of the driver, or of a session
		error
		Code() int
	}
	if errors.As(err, &fault) {
		switch fault.Code() & 0xff {
		case lib.SQLITE_FULL:
			reason = "the disk is full; nothing was changed"
		case lib.SQLITE_READONLY, lib.SQLITE_PERM:
			reason = "it is read-only for this user; check the owner and the permissions of the file and its folder"
		case lib.SQLITE_CANTOPEN:
			reason = "the file cannot be opened or made; check that its folder exists and that this user may write there"
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
			reason = fmt.Sprintf("another process has held it for more than %s; try again when that one is done", f.busy)
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
			code, reason = asof.CodeInvalid, "the file is damaged or no SQLite database; move it away, then `asof apply` and materialize again"
		case lib.SQLITE_IOERR:
			if fault.Code() == lib.SQLITE_IOERR_SHMSIZE { // which makes the file beside it longer
				reason = "the disk is full; nothing was changed"
				break
			}
			reason = "reading or writing the file failed: " + strings.TrimSpace(reason)
		default:
			code = asof.CodeInternal
		}
	}
	return &asof.Error{Code: code, Message: f.what + " " + f.path + ": " + doing + ": " + reason, Cause: err}
}

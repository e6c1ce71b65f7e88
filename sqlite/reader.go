package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"runtime"

	lib "modernc.org/sqlite/lib"
)

// reader returns the connections for reading; nil where there is no file yet,
// which reading does not make. A file in a folder where nothing can be written
// is read without locks, as a session does, until it changes.
func (f *file) reader() (*sql.DB, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if f.reading != nil {
		if f.frozen == nil || err == nil && unchanged(f.path, f.frozen, info) {
			return f.reading, nil
		}
		f.reading.Close() // which waits for nobody: what is being read is read to its end
		f.reading, f.frozen = nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := f.openReader("mode=rw")
	if cannotLock(err) && !hasLog(f.path) {
		if db, err = f.openReader("mode=ro&immutable=1"); err == nil {
			f.frozen = info
		}
	}
	f.reading = db
	return db, f.fault("cannot open it", err)
}

// openReader opens the file and looks into it: before that, SQLite does not say
// that it cannot.
func (f *file) openReader(mode string) (*sql.DB, error) {
	db, err := open(f.path, mode+"&_pragma=query_only(1)", f.busy)
	if err != nil {
		return nil, err
	}
	conns := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if _, err := db.ExecContext(context.Background(), "SELECT 1 FROM sqlite_schema"); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// cannotLock reports whether the locks beside a file could not be made.
func cannotLock(err error) bool {
	var fault interface { // of the driver, or of a session
		error
		Code() int
	}
	return errors.As(err, &fault) && (fault.Code()&0xff == lib.SQLITE_CANTOPEN || fault.Code()&0xff == lib.SQLITE_READONLY)
}

// unchanged reports whether nobody has written to a file since it was looked at.
func unchanged(path string, before, now os.FileInfo) bool {
	return os.SameFile(before, now) && now.ModTime().Equal(before.ModTime()) && now.Size() == before.Size() && !hasLog(path)
}

package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/asof-dev/asof/value"
)

// session is one connection for reading, on SQLite's own functions: through
// database/sql every row would be copied into memory of its own, and every
// statement run anew would cost more than the look-up that it does. One
// goroutine uses it at a time.
type session struct {
	tls    *libc.TLS
	db     uintptr
	file   os.FileInfo // the file as it was when it was opened
	frozen bool        // opened without locks: the file must not have changed

	begin, end, version statement
	find                statement // the table of a view
	place               uintptr   // room for a parameter
	placeSize           int

	known  int64 // the version that tables are of
	tables map[viewName]*readTable
}

// cacheKiB is how much of the file a session may keep in memory.
const cacheKiB = 4 << 10

type viewName struct{ project, view string }

// readTable is the table of a view, and the statement that finds a key there.
type readTable struct {
	schema *value.Schema
	lookup statement
}

type statement uintptr

// failure is an error of SQLite's.
type failure struct {
	code int
	text string
}

// Error and Code are those of the driver's errors.
func (f *failure) Error() string { return f.text }
func (f *failure) Code() int     { return f.code }

// openSession opens the file at path for reading. A file in a folder where
// nothing can be written, which no other process has open, is read without the
// locks that SQLite would keep beside it. Other processes' locks are waited for
// no longer than busy.
func openSession(ctx context.Context, path string, busy time.Duration) (*session, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s, err := connect(ctx, path, info, "mode=rw", busy)
	if cannotLock(err) && !hasLog(path) {
		if s, err = connect(ctx, path, info, "mode=ro&immutable=1", busy); err == nil {
			s.frozen = true
		}
	}
	return s, err
}

// hasLog reports whether a process has written to the file and not put
// everything into it yet.
func hasLog(path string) bool {
	_, err := os.Stat(path + "-wal")
	return err == nil
}

// current reports whether the session still reads the file at path. info is
// that file.
func (s *session) current(path string, info os.FileInfo) bool {
	if !os.SameFile(s.file, info) {
		return false
	}
	return !s.frozen || unchanged(path, s.file, info)
}

func connect(ctx context.Context, path string, info os.FileInfo, mode string, busy time.Duration) (*session, error) {
	s := &session{tls: libc.NewTLS(), file: info, known: -1, tables: map[viewName]*readTable{}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: mode}
	err := s.open(u.String())
	if err == nil {
		s.patience(ctx, busy)
		for text, into := range map[string]*statement{"BEGIN": &s.begin, "COMMIT": &s.end, "PRAGMA user_version": &s.version} {
			if *into, err = s.prepare(text); err != nil {
				break
			}
		}
	}
	if err == nil {
		_, err = s.number(s.version) // the first look at the file
	}
	if err == nil {
		err = s.do(fmt.Sprintf("PRAGMA cache_size = -%d", cacheKiB))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) open(uri string) error {
	name, err := libc.CString(uri)
	if err != nil {
		return err
	}
	defer libc.Xfree(s.tls, name)
	place, err := s.room(int(unsafe.Sizeof(s.db)))
	if err != nil {
		return err
	}
	code := lib.Xsqlite3_open_v2(s.tls, name, place, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_URI|lib.SQLITE_OPEN_NOMUTEX, 0)
	s.db = word(place)
	if code != lib.SQLITE_OK {
		return s.failed(code)
	}
	lib.Xsqlite3_extended_result_codes(s.tls, s.db, 1)
	return nil
}

// close closes the connection.
func (s *session) close() {
	s.forget()
	for _, stmt := range []statement{s.begin, s.end, s.version, s.find} {
		lib.Xsqlite3_finalize(s.tls, uintptr(stmt)) // 0 is no statement, and no error
	}
	lib.Xsqlite3_close_v2(s.tls, s.db)
	libc.Xfree(s.tls, s.place)
	s.tls.Close()
}

// forget drops what was kept of the views' tables.
func (s *session) forget() {
	for _, t := range s.tables {
		lib.Xsqlite3_finalize(s.tls, uintptr(t.lookup))
	}
	clear(s.tables)
}

func (s *session) failed(code int32) error {
	if s.db == 0 {
		return &failure{int(code), libc.GoString(lib.Xsqlite3_errstr(s.tls, code))}
	}
	return &failure{int(code), libc.GoString(lib.Xsqlite3_errmsg(s.tls, s.db))}
}

func (s *session) prepare(text string) (statement, error) {
	sql, err := libc.CString(text)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(s.tls, sql)
	place, err := s.room(int(unsafe.Sizeof(s.db)))
	if err != nil {
		return 0, err
	}
	if code := lib.Xsqlite3_prepare_v3(s.tls, s.db, sql, -1, lib.SQLITE_PREPARE_PERSISTENT, place, 0); code != lib.SQLITE_OK {
		return 0, s.failed(code)
	}
	return statement(word(place)), nil
}

// do runs a text once.
func (s *session) do(text string) error {
	stmt, err := s.prepare(text)
	if err != nil {
		return err
	}
	defer lib.Xsqlite3_finalize(s.tls, uintptr(stmt))
	return s.run(stmt)
}

// run runs a statement that gives no rows.
func (s *session) run(stmt statement) error {
	_, err := s.step(stmt)
	lib.Xsqlite3_reset(s.tls, uintptr(stmt))
	return err
}

// step reports whether there is a row.
func (s *session) step(stmt statement) (bool, error) {
	switch code := lib.Xsqlite3_step(s.tls, uintptr(stmt)); code {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.failed(code)
	}
}

func (s *session) number(stmt statement) (int64, error) {
	defer lib.Xsqlite3_reset(s.tls, uintptr(stmt))
	_, err := s.step(stmt)
	return lib.Xsqlite3_column_int64(s.tls, uintptr(stmt), 0), err
}

// bind sets a parameter, which lies in the session's room until the next one.
func (s *session) bind(stmt statement, v []byte) error {
	place, err := s.room(len(v))
	if err != nil {
		return err
	}
	copy(view(place, len(v)), v)
	if code := lib.Xsqlite3_bind_blob(s.tls, uintptr(stmt), 1, place, int32(len(v)), 0); code != lib.SQLITE_OK {
		return s.failed(code)
	}
	return nil
}

// bindText sets a parameter of which SQLite makes a copy.
func (s *session) bindText(stmt statement, i int32, v string) error {
	place, err := s.room(len(v))
	if err != nil {
		return err
	}
	copy(view(place, len(v)), v)
	const transient = ^uintptr(0)
	if code := lib.Xsqlite3_bind_text(s.tls, uintptr(stmt), i, place, int32(len(v)), transient); code != lib.SQLITE_OK {
		return s.failed(code)
	}
	return nil
}

// blob returns a column of the row. It is valid until the next step.
func (s *session) blob(stmt statement, column int32) []byte {
	p := lib.Xsqlite3_column_blob(s.tls, uintptr(stmt), column)
	return view(p, int(lib.Xsqlite3_column_bytes(s.tls, uintptr(stmt), column)))
}

// room returns n bytes of SQLite's memory, which the next call gives again.
func (s *session) room(n int) (uintptr, error) {
	if n = max(n, 64); n > s.placeSize {
		libc.Xfree(s.tls, s.place)
		if s.place = libc.Xmalloc(s.tls, libc.Tsize_t(n)); s.place == 0 {
			s.placeSize = 0
			return 0, &failure{lib.SQLITE_NOMEM, "out of memory"}
		}
		s.placeSize = n
	}
	return s.place, nil
}

// patience bounds what the session waits for other processes' locks.
func (s *session) patience(ctx context.Context, most time.Duration) {
	if end, ok := ctx.Deadline(); ok {
		most = min(most, max(time.Until(end), time.Millisecond))
	}
	lib.Xsqlite3_busy_timeout(s.tls, s.db, int32(most.Milliseconds()))
}

// view and word look at SQLite's memory, which the garbage collector does not
// know.
func view(p uintptr, n int) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n)
}

func word(p uintptr) uintptr { return **(**uintptr)(unsafe.Pointer(&p)) }

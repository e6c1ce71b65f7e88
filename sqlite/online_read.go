package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Read answers from one read transaction: all readings are of one moment.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
	}
	if len(readings) == 0 {
		return nil
	}
	select {
	case o.reads <- struct{}{}:
		defer func() { <-o.reads }()
	case <-ctx.Done():
		return o.fault("waiting for other reads", ctx.Err())
	}
	s := o.idle.pop()
	defer func() {
		if s != nil {
			o.idle.push(s)
		}
	}()
	for range 3 {
		var err error
		if s, err = o.fresh(ctx, s); err != nil {
			return o.fault("opening it", err)
		}
		if s == nil {
			return o.unknown(project, readings[0].View.Name)
		}
		err = o.read(ctx, s, project, readings)
		info, gone := os.Stat(o.path)
		torn := s.frozen && (gone != nil || !s.current(o.path, info)) // it may have changed while it was read
		if err != nil {
			s.close() // the next read begins anew
			s = nil
		}
		if !torn {
			return o.fault("reading", err)
		}
	}
	return asof.Errorf(asof.CodeUnavailable, "%s %s: another process is changing it, and its folder can't be written to, so it can't be read at the same time; try again", o.what, o.path)
}

// fresh returns a session of the file that is at the path now, nil where there
// is none: the file of s may have been removed, or another put in its place.
func (o *Online) fresh(ctx context.Context, s *session) (*session, error) {
	info, err := os.Stat(o.path)
	if s != nil {
		if err == nil && s.current(o.path, info) {
			return s, nil
		}
		s.close()
	}
	if s, err = openSession(ctx, o.path, o.busy); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return s, err
}

// checkEvery is how many keys are read between two looks at whether the caller
// still waits.
const checkEvery = 256

func (o *Online) read(ctx context.Context, s *session, project string, readings []*asof.Reading) (err error) {
	s.patience(ctx, o.busy)
	if err := s.run(s.begin); err != nil {
		return err
	}
	defer func() {
		if ended := s.run(s.end); err == nil {
			err = ended
		}
	}()
	version, err := s.number(s.version)
	if err != nil {
		return err
	}
	if version != s.known {
		s.forget()
		s.known = version
	}
	for _, r := range readings {
		table, err := o.readTable(s, viewName{project, r.View.Name})
		if err != nil {
			return err
		}
		numbers := table.schema.Numbers(r.Features)
		for i, key := range r.Keys {
			if i%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if err := s.readKey(table.lookup, key, r, numbers, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) readKey(lookup statement, key []byte, r *asof.Reading, numbers []int32, i int) error {
	if err := s.bind(lookup, key); err != nil {
		return err
	}
	defer lib.Xsqlite3_reset(s.tls, uintptr(lookup))
	found, err := s.step(lookup)
	if err != nil || !found {
		return err
	}
	return value.Unpack(r, numbers, i, lib.Xsqlite3_column_int64(s.tls, uintptr(lookup), 0), s.blob(lookup, 1))
}

// readTable returns the table of a view, which has to be there.
func (o *Online) readTable(s *session, name viewName) (*readTable, error) {
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	id, text, err := s.findTable(name)
	if err != nil {
		return nil, err
	}
	if id == 0 {
		return nil, o.unknown(name.project, name.view)
	}
	schema, err := value.ParseSchema(text)
	if err != nil {
		return nil, err
	}
	lookup, err := s.prepare("SELECT event_us, row FROM " + viewTable{id: id}.name() + " WHERE entity_key = ?")
	if err != nil {
		return nil, err
	}
	t := &readTable{schema: schema, lookup: lookup}
	s.tables[name] = t
	return t, nil
}

// findTable returns the number and the schema of a view's table; 0 where Update
// never saw the view.
func (s *session) findTable(name viewName) (id int64, schema string, err error) {
	if s.find == 0 {
		s.find, err = s.prepare("SELECT id, schema FROM asof_online_view WHERE project = ? AND view = ?")
		if err != nil {
			if strings.Contains(err.Error(), "no such table") {
				return 0, "", nil
			}
			return 0, "", err
		}
	}
	for i, text := range []string{name.project, name.view} {
		if err := s.bindText(s.find, int32(i+1), text); err != nil {
			return 0, "", err
		}
	}
	defer lib.Xsqlite3_reset(s.tls, uintptr(s.find))
	found, err := s.step(s.find)
	if err != nil || !found {
		return 0, "", err
	}
	return lib.Xsqlite3_column_int64(s.tls, uintptr(s.find), 0), string(s.blob(s.find, 1)), nil
}

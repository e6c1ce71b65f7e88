//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// connections are other databases by the names that sources give them, each
// opened when a source first needs it.
type connections struct {
	open map[string]func(context.Context) (asof.OfflineStore, error)

	mu     sync.Mutex
	opened map[string]*connection
}

// connection is another database, whose sources it answers for.
type connection struct {
	asof.OfflineStore
	name string
}

func (c *connections) get(ctx context.Context, name string) (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if there := c.opened[name]; there != nil {
		return there, nil
	}
	made := &connection{name: name}
	store, err := c.open[name](ctx)
	if err != nil {
		return nil, made.fault("", err)
	}
	made.OfflineStore = store
	if c.opened == nil {
		c.opened = map[string]*connection{}
	}
	c.opened[name] = made
	return made, nil
}

func (c *connections) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	for _, there := range c.opened {
		err = errors.Join(err, there.Close())
	}
	c.opened = nil
	return err
}

// elsewhere returns the connection that reads a source; nil where it is read
// here.
func (o *Offline) elsewhere(ctx context.Context, source *asof.DataSource) (*connection, error) {
	if len(o.connections.open) == 0 {
		return nil, nil
	}
	s, err := o.session(ctx, text(source))
	if err != nil {
		return nil, err
	}
	defer s.close()
	return o.connectionOf(ctx, s, source)
}

// connectionOf is elsewhere in a session. A source's tag decides; without one
// the warehouse comes first, then the only connection that there is.
func (o *Offline) connectionOf(ctx context.Context, s *session, source *asof.DataSource) (*connection, error) {
	for source.Batch != nil && source.Kind != asof.SourcePostgres {
		source = source.Batch
	}
	names := slices.Sorted(maps.Keys(o.connections.open))
	if len(names) == 0 || source.Kind != asof.SourcePostgres {
		return nil, nil
	}
	name, tagged := source.Tags[asof.ConnectionTag]
	switch {
	case name == asof.WarehouseConnection:
		return nil, nil
	case tagged && !slices.Contains(names, name):
		return nil, asof.Errorf(asof.CodeInvalid, "data source %q: its tag %s names %q, which asof.connections in feature_store.yaml does not have%s",
			source.Name, asof.ConnectionTag, name, asof.DidYouMean(name, append(names, asof.WarehouseConnection)))
	case tagged:
		return o.connections.get(ctx, name)
	}
	here, err := s.holds(source)
	switch {
	case here || err != nil:
		return nil, err
	case len(names) == 1:
		return o.connections.get(ctx, names[0])
	}
	return nil, asof.Errorf(asof.CodeInvalid, "data source %q: the warehouse does not have what it reads, and asof.connections names several databases; say which one by tags={%q: %q} on the source (there are %s)",
		source.Name, asof.ConnectionTag, names[0], strings.Join(names, ", "))
}

// holds reports whether the warehouse has the tables that a PostgreSQLSource
// reads. A query that DuckDB does not understand is the warehouse's where it
// names a table of that.
func (s *session) holds(source *asof.DataSource) (bool, error) {
	if source.Query == "" {
		return slices.ContainsFunc(s.tables, func(t string) bool { return strings.EqualFold(t, bareName(source.Table)) }), nil
	}
	stmt, err := s.conn.Prepare(trimmed(source.Query))
	switch {
	case err == nil:
		return true, stmt.Close()
	case strings.Contains(err.Error(), "Table with name ") || strings.Contains(err.Error(), "Schema with name "):
		return false, nil
	}
	return len(s.views) > 0, nil
}

// fault names the connection in an error; what is asked of it is named where
// the error does not.
func (c *connection) fault(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	where := "connection " + c.name
	if what != "" && !strings.Contains(err.Error(), what) {
		where += ": " + what
	}
	out := ""
	if asof.ErrorCode(err) == asof.CodeUnavailable && !strings.Contains(err.Error(), "; ") {
		out = fmt.Sprintf("; start it, or correct asof.connections.%s in feature_store.yaml", c.name)
	}
	return asof.Errorf(asof.ErrorCode(err), "%s: %w%s", where, err, out)
}

// What follows passes questions on to the database.

func (c *connection) columns(ctx context.Context, source *asof.DataSource) ([]asof.SourceColumn, error) {
	columns, err := c.Columns(ctx, source)
	return columns, c.fault(fmt.Sprintf("data source %q", source.Name), err)
}

func (c *connection) span(ctx context.Context, source *asof.DataSource) (asof.SourceRange, error) {
	found, err := c.Range(ctx, source)
	return found, c.fault(fmt.Sprintf("data source %q", source.Name), err)
}

func (c *connection) latest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	rows, err := c.PullLatest(ctx, q)
	return c.named(q, rows, err)
}

func (c *connection) rows(ctx context.Context, q *asof.RowsQuery) (array.RecordReader, error) {
	store, ok := c.OfflineStore.(asof.RowReader)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "connection %s: its kind of database does not show the rows of a key", c.name)
	}
	rows, err := store.Rows(ctx, q)
	return c.named(&q.Latest, rows, err)
}

func (c *connection) profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	store, ok := c.OfflineStore.(asof.Profiler)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "connection %s: its kind of database does not describe values", c.name)
	}
	profiles, err := store.Profile(ctx, q)
	return profiles, c.fault(fmt.Sprintf("feature view %q", q.View.View), err)
}

// named has the errors of an answer name the connection.
func (c *connection) named(q *asof.Latest, rows array.RecordReader, err error) (array.RecordReader, error) {
	what := fmt.Sprintf("feature view %q", q.View.View)
	if err != nil {
		return nil, c.fault(what, err)
	}
	return &connectionReader{RecordReader: rows, connection: c, what: what}, nil
}

// connectionReader names the connection where the rows end early.
type connectionReader struct {
	array.RecordReader
	connection *connection
	what       string
}

func (r *connectionReader) Err() error { return r.connection.fault(r.what, r.RecordReader.Err()) }

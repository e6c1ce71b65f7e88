//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// pulls reads the views of one question that other databases hold into tables
// of the session. What a database tells is one state of it.
type pulls struct {
	offline *Offline
	session *session
	tell    func(asof.Pull)
	of      []*connection        // by view of the query; nil: it is read here
	scans   map[string]asof.Scan // by connection
}

// fewRows is how many entity rows are few: their keys are sent along, and no
// row of another key comes back.
const fewRows = 100_000

// pulls prepares for a question. The caller closes it.
func (o *Offline) pulls(s *session, tell func(asof.Pull)) *pulls {
	return &pulls{offline: o, session: s, tell: tell, scans: map[string]asof.Scan{}}
}

// close ends the reading; the tables are the session's.
func (p *pulls) close() {
	for _, scan := range p.scans {
		_ = scan.Close() // nothing was written that could be lost
	}
}

// view resolves a view: one of another database against the columns there. Its
// rows are for pull to read.
func (p *pulls) view(ctx context.Context, q asof.ViewQuery) (*pit.View, error) {
	c, err := p.offline.connectionOf(ctx, p.session, q.Source)
	if err != nil {
		return nil, err
	}
	p.of = append(p.of, c)
	if c == nil {
		return p.offline.view(ctx, p.session, q)
	}
	scan, err := p.scan(ctx, c)
	if err != nil {
		return nil, c.fault(fmt.Sprintf("feature view %q", q.View), err)
	}
	columns, err := scan.Columns(ctx, q.Source)
	if err != nil {
		return nil, c.fault(fmt.Sprintf("feature view %q", q.View), err)
	}
	return pit.NewView(q, "", columns)
}

func (p *pulls) scan(ctx context.Context, c *connection) (asof.Scan, error) {
	if there := p.scans[c.name]; there != nil {
		return there, nil
	}
	store, ok := c.OfflineStore.(asof.Scanner)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "its kind of database does not hand rows to another engine")
	}
	scan, err := store.Scan(ctx)
	if err == nil {
		p.scans[c.name] = scan
	}
	return scan, err
}

// pull reads the rows that can match q's times and the keys of the entity rows,
// where those are known, and has q join them from here.
func (p *pulls) pull(ctx context.Context, q *pit.Query, rows *pit.Rows) error {
	for i, c := range p.of {
		if c == nil {
			continue
		}
		v := q.Views[i]
		ask := &asof.ScanQuery{View: v.ViewQuery, From: oldest(q, v), To: q.To}
		if rows != nil && rows.All() && rows.Held() <= fewRows {
			keys, err := rows.KeysOf(q.Views, v)
			if err != nil {
				return err
			}
			if keys != nil {
				defer keys.Release()
				ask.Keys = keys
			}
		}
		pulled, err := p.pullView(ctx, c, v, ask)
		if err != nil {
			return c.fault(fmt.Sprintf("feature view %q", v.ViewQuery.View), err)
		}
		q.Views[i] = pulled
	}
	p.close()
	return nil
}

// oldest returns the time before which no row of a view can match; zero where
// all can.
func oldest(q *pit.Query, v *pit.View) time.Time {
	if v.TTL == 0 || q.From.IsZero() {
		return time.Time{}
	}
	return q.From.Add(-v.TTL)
}

// pullView reads a view's rows into a table. Rows of one key and one time are
// rare: only where there are some is the database asked which one counts.
func (p *pulls) pullView(ctx context.Context, c *connection, v *pit.View, q *asof.ScanQuery) (*pit.View, error) {
	table := p.session.ownTable(&p.offline.engine)
	n, err := p.fill(ctx, c, table, v, q)
	if err != nil {
		return nil, err
	}
	tied, err := p.session.any(ctx, v.Unsettled(pit.DuckDB, table))
	if err != nil {
		return nil, err
	}
	if tied {
		q.Settled = true
		if n, err = p.fill(ctx, c, table, v, q); err != nil {
			return nil, err
		}
	}
	columns, err := p.session.columns(ctx, table)
	if err != nil {
		return nil, err
	}
	if p.tell != nil {
		p.tell(asof.Pull{View: v.ViewQuery.View, Source: v.Source.Name, Connection: c.name, Place: c.OfflineStore.(asof.Scanner).Place(), Rows: n})
	}
	return v.Pulled(table, columns)
}

// fill makes a table of the rows that a database answers, and returns their
// number.
func (p *pulls) fill(ctx context.Context, c *connection, table string, v *pit.View, q *asof.ScanQuery) (int64, error) {
	rows, err := p.scans[c.name].Rows(ctx, q)
	if err != nil {
		return 0, err
	}
	defer rows.Release()
	named := &namedReader{RecordReader: rows, schema: renamed(rows.Schema(), v.PulledNames())}
	err = p.session.create(ctx, "CREATE OR REPLACE TABLE", table, named)
	return named.rows, p.session.fault("its rows cannot be kept", err)
}

func renamed(s *arrow.Schema, names []string) *arrow.Schema {
	fields := s.Fields()
	for i, name := range names {
		fields[i].Name = name
	}
	return arrow.NewSchema(fields, nil)
}

// namedReader gives the columns of a reader other names, and counts its rows.
type namedReader struct {
	array.RecordReader
	schema  *arrow.Schema
	current arrow.RecordBatch
	rows    int64
}

func (r *namedReader) Schema() *arrow.Schema          { return r.schema }
func (r *namedReader) RecordBatch() arrow.RecordBatch { return r.current }

func (r *namedReader) Next() bool {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
	if !r.RecordReader.Next() {
		return false
	}
	batch := r.RecordReader.RecordBatch()
	r.current = array.NewRecordBatch(r.schema, batch.Columns(), batch.NumRows())
	r.rows += batch.NumRows()
	return true
}

// entities reads the entity rows, and pulls what they can match. Rows of Events
// are made of what is pulled, which then comes first.
func (p *pulls) entities(ctx context.Context, q *asof.PointInTime, query *pit.Query) (*pit.Rows, error) {
	if e := q.Entities.Events; e != nil {
		query.From, query.To = e.From, e.To
		if !e.At.IsZero() {
			query.To = e.At // from the oldest row on: a key that has any is asked for
		}
		if err := p.pull(ctx, query, nil); err != nil {
			return nil, err
		}
		return p.offline.entities(ctx, p.session, q, query)
	}
	rows, err := p.offline.entities(ctx, p.session, q, query)
	if err == nil {
		err = p.pull(ctx, query, rows)
	}
	if err != nil && rows != nil {
		rows.Release()
		rows = nil
	}
	return rows, err
}

// ownTable names a table that other connections see, and that goes with the
// session.
func (s *session) ownTable(e *engine) string {
	name := fmt.Sprintf("asof_pulled_%d", e.tables.Add(1))
	s.own = append(s.own, name)
	return name
}

// any reports whether a query answers rows.
func (s *session) any(ctx context.Context, sql string) (bool, error) {
	rows, err := s.arrow.QueryContext(ctx, sql)
	if err != nil {
		return false, err
	}
	defer rows.Release()
	found := rows.Next() && rows.RecordBatch().NumRows() > 0
	return found, rows.Err()
}

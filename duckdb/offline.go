//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// Options say what an offline store reads, and within which bounds.
type Options struct {
	Dir       string     // the repository: relative paths of sources start here
	Warehouse *Warehouse // what a PostgreSQLSource's SQL sees; nil: no tables
	Memory    int64      // bytes that DuckDB may take; 0, and at most: three fifths of the machine's, or the container's

	// Connections open other databases, by the names of asof.connections: what a
	// PostgreSQLSource reads there is joined here.
	Connections map[string]func(context.Context) (asof.OfflineStore, error)

	Spill string // folder for what does not fit; "": one of the process's own in the system's temporary folder
}

// Offline is an offline store that runs DuckDB in the process: Parquet and CSV
// files, and the tables of the embedded warehouse. DuckDB is in memory, and
// opened by the first question.
type Offline struct {
	dir       string
	warehouse *Warehouse
	engine    engine
	mem       memory.Allocator
	history   int64 // bytes of sources that a point-in-time query may hold in memory
	ahead     int64 // bytes of entity rows that it reads before it decides how to answer
	page      int64 // rows of DuckDB's answer that are in memory at once

	connections connections

	// whole has room for each query that may answer a whole view at once. DuckDB
	// has every core work for one already: side by side they would only all be
	// late, where the first one's rows could be on their way to an online store.
	whole chan struct{}

	// step is told where an append has got to. Tests stop the process there.
	step func(name string)
}

// What a point-in-time query takes of memory beside DuckDB. Sources that are
// larger are joined by DuckDB, which can spill; entity rows that are more are
// not held.
const (
	historyInMemory = 1 << 30
	rowsInMemory    = 1 << 27
)

// coresPerQuery is how many cores one query keeps busy: reading the files of
// several views at once does not pay before there are more.
const coresPerQuery = 4

// OpenOffline returns an offline store. It reads nothing yet.
func OpenOffline(o Options) (*Offline, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the repository's folder: %w", err)
	}
	if o.Spill == "" {
		o.Spill = filepath.Join(os.TempDir(), fmt.Sprintf("asof-duckdb-%d", os.Getpid()))
	}
	return &Offline{dir: dir, warehouse: o.Warehouse, mem: memory.DefaultAllocator, history: historyInMemory, ahead: rowsInMemory, page: pageRows, step: func(string) {},
		engine: engine{memory: o.Memory, spill: o.Spill}, connections: connections{open: o.Connections},
		whole: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/coresPerQuery))}, nil
}

// Close ends DuckDB and closes the connections, where they were opened.
func (o *Offline) Close() error { return errors.Join(o.engine.close(), o.connections.close()) }

// Historical answers a point-in-time query.
func (o *Offline) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	return o.answer(ctx, textsOf(q), func(s *session) (array.RecordReader, error) { return o.historical(ctx, s, q) })
}

// textsOf returns the SQL that a query is made of.
func textsOf(q *asof.PointInTime) []string {
	texts := []string{q.Entities.SQL}
	for _, v := range q.Views {
		texts = append(texts, text(v.Source))
	}
	return texts
}

func (o *Offline) historical(ctx context.Context, s *session, q *asof.PointInTime) (array.RecordReader, error) {
	query := &pit.Query{Cutoff: q.CreatedCutoff}
	pulls := o.pulls(s, q.Pulled)
	defer pulls.close()
	for _, view := range q.Views {
		v, err := pulls.view(ctx, view)
		if err != nil {
			return nil, err
		}
		query.Views = append(query.Views, v)
	}
	rows, err := pulls.entities(ctx, q, query)
	if err != nil {
		return nil, err
	}
	joined, err := pit.Join(ctx, query, rows, func(ctx context.Context, v *pit.View) (array.RecordReader, error) {
		return o.scan(ctx, s, query, v)
	}, o.budget(), o.mem)
	switch {
	case err == nil:
		return &sessionReader{RecordReader: joined, session: s}, nil
	case !errors.Is(err, pit.ErrNotInMemory):
		rows.Release()
		return nil, err
	}
	return o.inEngine(ctx, s, query, rows)
}

// budget is how many bytes of sources a query may hold.
func (o *Offline) budget() int64 { return min(o.history, o.engine.memory/2) }

// entities reads the entity rows ahead: those given, or those of a SELECT.
func (o *Offline) entities(ctx context.Context, s *session, q *asof.PointInTime, query *pit.Query) (*pit.Rows, error) {
	var rows *pit.Rows
	var err error
	if q.Entities.Records == nil {
		rows, err = o.selected(ctx, s, q, query)
	} else {
		rows, err = pit.ReadRows(ctx, q.Entities.Records, q.Timestamp, query.Views, o.ahead, o.mem)
	}
	if err != nil {
		return nil, err
	}
	if rows.All() {
		query.From, query.To = rows.From, rows.To
	}
	return rows, nil
}

// selected runs the SELECT of the entity rows over a connection of its own.
func (o *Offline) selected(ctx context.Context, s *session, q *asof.PointInTime, query *pit.Query) (*pit.Rows, error) {
	if err := s.describe(ctx, q, query); err != nil {
		return nil, err
	}
	other, err := o.beside(ctx, s)
	if err != nil {
		return nil, err
	}
	reader, err := other.paged(ctx, pit.Selected(pit.DuckDB, query), o.page)
	if err != nil {
		err = other.failing(ctx, query, "the SQL of the entity rows", err)
		return nil, errors.Join(err, other.close())
	}
	return pit.SelectedRows(ctx, reader, query, o.ahead, o.mem)
}

// inEngine has the engine match the rows.
func (o *Offline) inEngine(ctx context.Context, s *session, query *pit.Query, rows *pit.Rows) (array.RecordReader, error) {
	raw, err := o.matched(ctx, s, query, rows)
	if err != nil {
		rows.Release()
		return nil, err
	}
	return pit.HistoricalAnswer(query, rows, raw, o.mem), nil
}

func (o *Offline) matched(ctx context.Context, s *session, query *pit.Query, rows *pit.Rows) (array.RecordReader, error) {
	table := rows.Table(ctx, o.engine.folder)
	defer table.Release()
	if err := s.load(ctx, pit.EntityTable, table); err != nil {
		return nil, s.fault("the entity rows cannot be read", err)
	}
	loaded := *query
	loaded.Select = nil // its rows are in the table
	raw, err := s.paged(ctx, pit.Historical(pit.DuckDB, &loaded), o.page)
	if err != nil {
		return nil, s.failing(ctx, &loaded, "the point-in-time query fails", err)
	}
	return raw, nil
}

// describe describes the SELECT that makes the entity rows: the one given, or
// that of the views' events.
func (s *session) describe(ctx context.Context, q *asof.PointInTime, query *pit.Query) error {
	query.Select = &pit.Select{SQL: trimmed(q.Entities.SQL), Timestamp: q.Timestamp}
	if q.Entities.Events != nil {
		if err := pit.Events(pit.DuckDB, query, q.Entities.Events, q.Timestamp); err != nil {
			return err
		}
	}
	sql := query.Select.SQL
	if err := s.single("the SQL of the entity rows", sql); err != nil {
		return err
	}
	columns, err := s.columns(ctx, "(\n"+sql+"\n)")
	if err != nil {
		return s.fault("the SQL of the entity rows", err)
	}
	query.Select.Columns = columns
	return pit.CheckEntities(columnNames(columns), q.Timestamp, query.Views)
}

// PullLatest answers with the newest row of each key.
func (o *Offline) PullLatest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	c, err := o.elsewhere(ctx, q.View.Source)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.latest(ctx, q)
	}
	return o.latest(ctx, q, func(v *pit.View) string { return pit.Latest(pit.DuckDB, q, v) })
}

// Rows answers with the rows among which PullLatest chooses.
func (o *Offline) Rows(ctx context.Context, q *asof.RowsQuery) (array.RecordReader, error) {
	c, err := o.elsewhere(ctx, q.View.Source)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.rows(ctx, q)
	}
	return o.latest(ctx, &q.Latest, func(v *pit.View) string { return pit.History(pit.DuckDB, q, v) })
}

// latest runs a query over the keys and the span of q.
func (o *Offline) latest(ctx context.Context, q *asof.Latest, render func(*pit.View) string) (array.RecordReader, error) {
	return o.answer(ctx, []string{text(q.View.Source)}, func(s *session) (array.RecordReader, error) {
		v, err := o.view(ctx, s, q.View)
		if err != nil {
			return nil, err
		}
		if q.Keys != nil && len(q.View.Keys) > 0 {
			wanted, err := pit.ReadWanted(&q.View, q.Keys, o.mem)
			if err != nil {
				return nil, err
			}
			defer wanted.Release()
			keys, err := array.NewRecordReader(wanted.Schema(), []arrow.RecordBatch{wanted})
			if err != nil {
				return nil, err
			}
			defer keys.Release()
			if err := s.load(ctx, pit.WantedTable, keys); err != nil {
				return nil, s.fault("the keys asked for cannot be read", err)
			}
		}
		var raw array.RecordReader
		if q.Sorted { // all of a view is asked for, to go to an online store
			raw, err = o.wholeView(ctx, s, render(v))
		} else {
			raw, err = s.query(ctx, render(v))
		}
		if err != nil {
			return nil, s.failing(ctx, &pit.Query{Views: []*pit.View{v}}, fmt.Sprintf("feature view %q cannot be read", q.View.View), err)
		}
		return pit.LatestAnswer(v, raw, o.mem), nil
	})
}

// wholeView is paged, when its turn comes.
func (o *Offline) wholeView(ctx context.Context, s *session, sql string) (array.RecordReader, error) {
	select {
	case o.whole <- struct{}{}:
		defer func() { <-o.whole }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.paged(ctx, sql, o.page)
}

// failing gives a query's error its code, and names the join key where one is
// the reason.
func (s *session) failing(ctx context.Context, query *pit.Query, doing string, err error) error {
	if strings.Contains(err.Error(), "Conversion Error") {
		if bad := pit.KeyFault(pit.DuckDB, query, func(sql string) error { return execute(ctx, s.conn, sql) }); bad != nil {
			return bad
		}
	}
	return s.fault(doing, err)
}

// answer runs a question in a session of its own, which the reader then owns.
func (o *Offline) answer(ctx context.Context, texts []string, ask func(*session) (array.RecordReader, error)) (array.RecordReader, error) {
	s, err := o.session(ctx, texts...)
	if err != nil {
		return nil, err
	}
	reader, err := ask(s)
	if err != nil {
		_ = s.close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return reader, nil
}

func (o *Offline) view(ctx context.Context, s *session, q asof.ViewQuery) (*pit.View, error) {
	r, err := s.relation(ctx, o.dir, q.Source, &q)
	if err != nil {
		return nil, err
	}
	return pit.NewView(q, r.sql, r.columns)
}

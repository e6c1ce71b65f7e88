//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	Memory    int64      // bytes that DuckDB may take; 0: three fifths of the machine's, or the container's
	Spill     string     // folder for what does not fit; "": one of the process's own in the system's temporary folder
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
}

// historyInMemory bounds what a point-in-time query takes of memory beside
// DuckDB; sources that are larger are joined by DuckDB, which can spill.
const historyInMemory = 1 << 30

// OpenOffline returns an offline store. It reads nothing yet.
func OpenOffline(o Options) (*Offline, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the repository's folder: %w", err)
	}
	if o.Spill == "" {
		o.Spill = filepath.Join(os.TempDir(), fmt.Sprintf("asof-duckdb-%d", os.Getpid()))
	}
	history := int64(historyInMemory)
	if o.Memory > 0 {
		history = min(history, o.Memory/2)
	}
	return &Offline{dir: dir, warehouse: o.Warehouse, mem: memory.DefaultAllocator, history: history,
		engine: engine{memory: o.Memory, spill: o.Spill}}, nil
}

// Close ends DuckDB, if it was started.
func (o *Offline) Close() error { return o.engine.close() }

// Historical answers a point-in-time query.
func (o *Offline) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	texts := []string{q.Entities.SQL}
	for _, v := range q.Views {
		texts = append(texts, text(v.Source))
	}
	return o.answer(ctx, texts, func(s *session) (array.RecordReader, error) { return o.historical(ctx, s, q) })
}

func (o *Offline) historical(ctx context.Context, s *session, q *asof.PointInTime) (array.RecordReader, error) {
	query := &pit.Query{Cutoff: q.CreatedCutoff}
	for _, view := range q.Views {
		v, err := o.view(ctx, s, view)
		if err != nil {
			return nil, err
		}
		query.Views = append(query.Views, v)
	}
	if q.Entities.Records == nil {
		if err := s.entities(ctx, q, query); err != nil {
			return nil, err
		}
		return s.historical(ctx, query, nil, o.mem)
	}
	rows, err := pit.ReadRows(ctx, q.Entities.Records, q.Timestamp, query.Views, o.mem)
	if err != nil {
		return nil, err
	}
	query.From, query.To = rows.From, rows.To
	joined, err := pit.Join(ctx, query, rows, func(ctx context.Context, v *pit.View) (array.RecordReader, error) {
		return o.scan(ctx, s, query, v)
	}, o.history, o.mem)
	switch {
	case err == nil:
		_ = s.close() // nothing of the engine is needed any more
		return pit.HistoricalAnswer(query, rows, joined, o.mem), nil
	case !errors.Is(err, pit.ErrNotInMemory):
		rows.Release()
		return nil, err
	}
	if err := s.load(ctx, pit.EntityTable, rows.Index, rows.IndexSchema); err != nil {
		rows.Release()
		return nil, s.fault("the entity rows cannot be read", err)
	}
	return s.historical(ctx, query, rows, o.mem)
}

// scan reads the rows of a view over a connection of its own.
func (o *Offline) scan(ctx context.Context, s *session, query *pit.Query, v *pit.View) (array.RecordReader, error) {
	other, err := o.beside(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := other.query(ctx, pit.Scan(pit.DuckDB, query, v))
	if err != nil {
		err = other.failing(ctx, &pit.Query{Views: []*pit.View{v}}, fmt.Sprintf("feature view %q cannot be read", v.ViewQuery.View), err)
		return nil, errors.Join(err, other.close())
	}
	return rows, nil
}

// historical has the engine match the rows.
func (s *session) historical(ctx context.Context, query *pit.Query, rows *pit.Rows, mem memory.Allocator) (array.RecordReader, error) {
	raw, err := s.query(ctx, pit.Historical(pit.DuckDB, query))
	if err != nil {
		if rows != nil {
			rows.Release()
		}
		return nil, s.failing(ctx, query, "the point-in-time query fails", err)
	}
	return pit.HistoricalAnswer(query, rows, raw, mem), nil
}

// entities describes the SELECT that makes the entity rows: the one given, or
// that of the views' events.
func (s *session) entities(ctx context.Context, q *asof.PointInTime, query *pit.Query) error {
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
	return o.latest(ctx, q, func(v *pit.View) string { return pit.Latest(pit.DuckDB, q, v) })
}

// Rows answers with the rows among which PullLatest chooses.
func (o *Offline) Rows(ctx context.Context, q *asof.RowsQuery) (array.RecordReader, error) {
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
			wanted, err := pit.ReadWanted(q, o.mem)
			if err != nil {
				return nil, err
			}
			defer wanted.Release()
			if err := s.load(ctx, pit.WantedTable, []arrow.RecordBatch{wanted}, wanted.Schema()); err != nil {
				return nil, s.fault("the keys asked for cannot be read", err)
			}
		}
		raw, err := s.query(ctx, render(v))
		if err != nil {
			return nil, s.failing(ctx, &pit.Query{Views: []*pit.View{v}}, fmt.Sprintf("feature view %q cannot be read", q.View.View), err)
		}
		return pit.LatestAnswer(v, raw, o.mem), nil
	})
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

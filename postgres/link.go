package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/sqltext"
)

// link is one connection of a stage, which one goroutine uses at a time.
type link struct {
	*stage
	conn  *pgx.Conn
	views map[string]string // the temporary ones, by table: what they show
}

// link takes a connection that nobody uses, or a new one, and shows it what is
// staged.
func (s *stage) link(ctx context.Context) (*link, error) {
	s.mu.Lock()
	var l *link
	if n := len(s.idle); n > 0 {
		l, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	s.mu.Unlock()
	if l != nil {
		return l, l.ready(ctx, l.show(ctx))
	}
	pooled, err := s.w.db.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	l = &link{stage: s, conn: pooled.Hijack(), views: map[string]string{}}
	// The transaction of a process that is gone ends within a second, also from
	// the middle of a statement; not every system's server can do this.
	_ = l.exec(ctx, "SET client_connection_check_interval = '1s'")
	// Whole tables are joined and indexed here.
	err = l.exec(ctx, "SELECT set_config('application_name', $1, false), set_config('work_mem', '64MB', false), "+
		"set_config('maintenance_work_mem', '256MB', false), set_config('temp_buffers', '64MB', false), set_config('jit', 'off', false)", stageApplication+s.owner)
	if err == nil {
		err = l.show(ctx)
	}
	return l, l.ready(ctx, err)
}

// ready ends the connection where it is not.
func (l *link) ready(ctx context.Context, err error) error {
	if err != nil {
		_ = l.close()
	}
	return err
}

// show makes the temporary views of what is staged.
func (l *link) show(ctx context.Context) error {
	var statements string
	shown := map[string]string{}
	for name, t := range l.tables() {
		if shown[name] = t.relation; l.views[name] != t.relation {
			statements += fmt.Sprintf("DROP VIEW IF EXISTS pg_temp.%[1]s; CREATE TEMP VIEW %[1]s AS TABLE %[2]s;", sqltext.Name(name), l.w.db.qualified(t.relation))
		}
	}
	if statements == "" {
		return nil
	}
	_, err := l.conn.PgConn().Exec(ctx, statements).ReadAll()
	if err == nil {
		l.views = shown
	}
	return err
}

// back lets others have the connection, where it is one still.
func (l *link) back() {
	if l.conn.IsClosed() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, l)
}

func (l *link) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return l.conn.Close(ctx)
}

// exec, query and row send statements without preparing them: a table of one
// name has several shapes within a run.
func (l *link) exec(ctx context.Context, sql string, args ...any) error {
	_, err := l.changed(ctx, sql, args...)
	return err
}

func (l *link) changed(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := l.conn.Exec(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
	return tag.RowsAffected(), err
}

func (l *link) query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return l.conn.Query(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
}

func (l *link) row(ctx context.Context, sql string, args ...any) pgx.Row {
	return l.conn.QueryRow(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
}

// linkReader gives its connection back when it is released. It has one owner.
type linkReader struct {
	array.RecordReader
	link *link
	once sync.Once
}

func (r *linkReader) Release() {
	r.once.Do(func() {
		r.RecordReader.Release()
		r.link.back()
	})
}

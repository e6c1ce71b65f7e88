package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Read asks one statement for everything: one round trip, one moment. The
// statement also gives the revisions of the views' tables; where one is not
// what we thought, all is read again with what is true now.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	if len(readings) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		tables, err := o.known(ctx, project, readings)
		if err != nil {
			return o.db.fault("reading online features", err)
		}
		current, err := o.read(ctx, readings, tables)
		switch {
		case err != nil && !missing(err):
			return o.db.fault("reading online features", err)
		case err == nil && current:
			return nil
		case try == 2:
			return asof.Errorf(asof.CodeUnavailable, "the online tables in PostgreSQL at %s are being changed; try again", o.db.where)
		}
		o.forget(project, readings)
	}
}

// known returns the tables of the readings' views, from memory where it can.
func (o *Online) known(ctx context.Context, project string, readings []*asof.Reading) ([]*viewTable, error) {
	tables := make([]*viewTable, len(readings))
	loaded := false
	for i := 0; i < len(readings); i++ {
		name := viewName{project, readings[i].View.Name}
		o.mu.Lock()
		tables[i] = o.tables[name]
		o.mu.Unlock()
		switch {
		case tables[i] != nil:
		case loaded:
			return nil, o.unknown(project, name.view)
		default:
			if err := o.load(ctx, project); err != nil {
				return nil, err
			}
			loaded = true
			i--
		}
	}
	return tables, nil
}

func (o *Online) forget(project string, readings []*asof.Reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range readings {
		delete(o.tables, viewName{project, r.View.Name})
	}
}

// load reads where the views of a project are.
func (o *Online) load(ctx context.Context, project string) error {
	rows, _ := o.db.pool.Query(ctx, "SELECT id, revision, view, schema FROM "+o.db.qualified("asof_online_view")+" WHERE project = $1", project)
	var table viewTable
	var view, text string
	_, err := pgx.ForEachRow(rows, []any{&table.id, &table.revision, &view, &text}, func() error {
		schema, err := value.ParseSchema(text)
		if err != nil {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tables[viewName{project, view}] = &viewTable{table.id, table.revision, schema, o.tableName(table.id)}
		return nil
	})
	if missing(err) {
		return nil
	}
	return err
}

// read fills the readings, and reports whether the tables are what they were
// taken for.
func (o *Online) read(ctx context.Context, readings []*asof.Reading, tables []*viewTable) (bool, error) {
	var text strings.Builder
	args := make([]any, 0, len(readings)+1)
	ids := make([]int64, len(readings))
	numbers := make([][]int32, len(readings))
	for i, r := range readings {
		r.Reset()
		ids[i], numbers[i] = tables[i].id, tables[i].schema.Numbers(r.Features)
		args = append(args, r.Keys)
		// LATERAL with a LIMIT looks the keys up one by one; a plain join of
		// many keys would read all of the table and hash it, which is slower.
		fmt.Fprintf(&text, "SELECT %d::bigint, i, event_us, row FROM unnest($%d::bytea[]) WITH ORDINALITY AS k (key, i), "+
			"LATERAL (SELECT event_us, row FROM %s WHERE entity_key = key LIMIT 1) AS found UNION ALL ", i, i+1, tables[i].name)
	}
	fmt.Fprintf(&text, "SELECT -1, id, revision, NULL FROM %s WHERE id = ANY ($%d::bigint[])", o.db.qualified("asof_online_view"), len(readings)+1)
	rows, err := o.db.pool.Query(ctx, text.String(), append(args, ids)...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	revisions := make(map[int64]int64, len(readings))
	for rows.Next() {
		raw := rows.RawValues() // four columns, in PostgreSQL's binary form
		which, i, event := integer(raw[0]), integer(raw[1]), integer(raw[2])
		if which < 0 {
			revisions[i] = event
			continue
		}
		if err := value.Unpack(readings[which], numbers[which], int(i-1), event, raw[3]); err != nil {
			return false, err
		}
	}
	for _, t := range tables {
		if revisions[t.id] != t.revision {
			return false, rows.Err()
		}
	}
	return true, rows.Err()
}

func integer(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

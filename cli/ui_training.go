package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/permission"
)

// trainingSets are the repository's training sets, as the console shows them.
func (r *repository) trainingSets(guard *permission.Guard) *historical.Sets {
	return &historical.Sets{Project: r.config.Project, Dir: r.config.Dir, Folder: filepath.Join(r.config.Dir, "data", "training"), Receipts: r.receipts(), Ask: r.asks,
		Tables: r.replaced, Table: r.setTable, Snapshots: r.snapshotTables, Permit: guard.Permit(permission.ReadOffline)}
}

// setTable reads a table of a training set. Its name is that of a receipt.
func (r *repository) setTable(ctx context.Context, table string, limit int) (array.RecordReader, error) {
	if err := asof.CheckTableName(table); err != nil {
		return nil, err
	}
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return nil, err
	}
	stage, err := warehouse.Stage(ctx, "look-"+asof.NewRunID(time.Now()))
	if err != nil {
		return nil, err
	}
	sql := `SELECT * FROM "` + table + `"`
	if limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := stage.Query(ctx, sql)
	if err != nil {
		_ = stage.Discard(context.WithoutCancel(ctx)) // the query's error says more
		return nil, err
	}
	read := &stagedRows{RecordReader: rows, discard: func() { _ = stage.Discard(context.WithoutCancel(ctx)) }}
	read.refs.Store(1)
	return read, nil
}

// stagedRows are rows of a stage that is only there for them.
type stagedRows struct {
	array.RecordReader
	refs    atomic.Int64
	discard func()
}

func (s *stagedRows) Retain() { s.refs.Add(1) }

// Release lets go of the rows, and with the last one of the stage.
func (s *stagedRows) Release() {
	if s.refs.Add(-1) == 0 {
		s.RecordReader.Release()
		s.discard()
	}
}

// snapshotTables are the tables of the pipelines' snapshots with the days that
// were published. Pipelines that cannot be read have none.
func (r *repository) snapshotTables(ctx context.Context) ([]historical.SnapshotTable, error) {
	names, err := r.pipelineNames()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	published, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	undone := asof.RolledBackRuns(published)
	days := map[string][]time.Time{} // by pipeline, newest first
	for _, p := range published {
		if _, back := undone[p.ID]; !back && !slices.Contains(days[p.Name], p.AsOf) {
			days[p.Name] = append(days[p.Name], p.AsOf)
		}
	}
	var tables []historical.SnapshotTable
	for _, name := range names {
		p, err := r.loadPipeline(name)
		if err != nil {
			continue
		}
		slices.SortFunc(days[name], func(a, b time.Time) int { return b.Compare(a) })
		for _, step := range p.Steps {
			if s := step.Snapshot; s != nil && len(days[name]) > 0 {
				table := historical.SnapshotTable{Name: s.Table.Name, Keys: s.Table.Key, Days: days[name], SQL: s.EntityRows}
				for _, c := range s.Table.Columns {
					if !slices.Contains(s.Table.Key, c.Name) {
						table.Columns = append(table.Columns, c.Name)
					}
				}
				tables = append(tables, table)
			}
		}
	}
	slices.SortStableFunc(tables, func(a, b historical.SnapshotTable) int { return strings.Compare(a.Name, b.Name) })
	return tables, nil
}

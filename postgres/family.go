package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// parents returns which tables of a schema the rows of others refer to.
func parents(ctx context.Context, conn querier, schema string) (map[string][]string, error) {
	rows, err := conn.Query(ctx, `SELECT child.relname, parent.relname FROM pg_constraint c
 JOIN pg_class child ON child.oid = c.conrelid JOIN pg_class parent ON parent.oid = c.confrelid
 JOIN pg_namespace n ON n.oid = child.relnamespace AND n.oid = parent.relnamespace
 WHERE c.contype = 'f' AND child.oid <> parent.oid AND n.nspname = $1`, pgx.QueryExecModeExec, schema)
	if err != nil {
		return nil, err
	}
	list := map[string][]string{}
	var child, parent string
	_, err = pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		list[child] = append(list[child], parent)
		return nil
	})
	return list, err
}

// parentsFirst returns the tables in an order in which no row refers to one
// that is not there yet.
func parentsFirst(tables []string, parents map[string][]string) []string {
	wanted, seen := map[string]bool{}, map[string]bool{}
	for _, t := range tables {
		wanted[t] = true
	}
	var ordered []string
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, parent := range parents[name] {
			visit(parent)
		}
		if wanted[name] {
			ordered = append(ordered, name)
		}
	}
	for _, t := range tables {
		visit(t)
	}
	return ordered
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// statements runs those that the registry and the run store share with other
// databases, in one transaction.
type statements struct{ tx pgx.Tx }

// Exec runs a statement.
func (s statements) Exec(ctx context.Context, sql string, args ...any) error {
	_, err := s.tx.Exec(ctx, sql, args...)
	return err
}

// Query gives every row to each.
func (s statements) Query(ctx context.Context, sql string, args []any, each func(scan func(...any) error) error) error {
	rows, err := s.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

package sqlite

import (
	"context"
	"database/sql"
	"strings"
)

// statements runs those that the registry and the run store share with other
// databases, in one transaction; or sees nothing.
type statements struct {
	tx interface {
		ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	}
}

// Exec runs a statement.
func (s statements) Exec(ctx context.Context, text string, args ...any) error {
	_, err := s.tx.ExecContext(ctx, strings.ReplaceAll(text, "$", "?"), args...)
	return err
}

// Query gives every row to each.
func (s statements) Query(ctx context.Context, text string, args []any, each func(scan func(...any) error) error) error {
	if s.tx == nil {
		return nil
	}
	rows, err := s.tx.QueryContext(ctx, strings.ReplaceAll(text, "$", "?"), args...)
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

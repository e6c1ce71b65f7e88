package historical

import (
	"bufio"
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// Formats in which a set is handed out.
const (
	FormatCSV     = "csv"
	FormatParquet = "parquet"
)

// File returns the file of a set, where that has the format already; else "".
func (s *Sets) File(set Set, format string) string {
	if path := set.Path(s.Dir); set.State == receipt.There && strings.EqualFold(filepath.Ext(path), "."+format) {
		return path
	}
	return ""
}

// Export writes the rows of a set in a format, as they are read: nothing is held
// but a batch. What the set cannot be written as is CodeInvalid, before anything
// is written.
func (s *Sets) Export(ctx context.Context, set Set, format string, w io.Writer) error {
	plain := func(err error) error { return err }
	switch format {
	case FormatCSV:
		forms, err := s.forms(ctx, set)
		if err != nil {
			return err
		}
		return s.each(ctx, set, func(rows *tally) error {
			out := &csvWriter{fault: plain, out: bufio.NewWriterSize(w, 1<<16), forms: forms}
			out.header(rows.Schema())
			if err := rows.each(ctx, out.write); err != nil {
				return err
			}
			return out.out.Flush()
		})
	case FormatParquet:
		if err := s.exact(ctx, set); err != nil {
			return err
		}
		return s.each(ctx, set, func(rows *tally) error { return printParquet(ctx, rows, w, plain, memory.DefaultAllocator) })
	}
	return asof.Errorf(asof.CodeInvalid, "training sets are not written as %q; ask for %s or %s", format, FormatCSV, FormatParquet)
}

// each opens the rows of a set.
func (s *Sets) each(ctx context.Context, set Set, do func(*tally) error) error {
	rows, err := s.rows(ctx, set, batchRows)
	if err != nil {
		return err
	}
	defer rows.Release()
	counted := newTally(asIs(rows), nil)
	defer counted.Release()
	return do(counted)
}

// forms reads the times of a set, as far as their form hangs on them.
func (s *Sets) forms(ctx context.Context, set Set) (forms, error) {
	var found forms
	err := s.each(ctx, set, func(rows *tally) error {
		found = newForms(rows.Schema())
		for !found.known() && rows.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			found.see(rows.RecordBatch())
		}
		return rows.Err()
	})
	return found, err
}

// exact refuses a CSV file whose rows do not read back as what its receipt says:
// CSV has one form for NULL, NaN and an empty text.
func (s *Sets) exact(ctx context.Context, set Set) error {
	if s.File(set, FormatCSV) == "" {
		return nil
	}
	return s.each(ctx, set, func(rows *tally) error {
		hash := receipt.NewHash(rows.Schema())
		if err := rows.each(ctx, func(batch arrow.RecordBatch) error { hash.Add(batch); return nil }); err != nil {
			return err
		}
		if receipt.Sum(hash.Rows(), hash.Columns()) != set.Content {
			return asof.Errorf(asof.CodeInvalid, "training set %s lies there as CSV, from which its values can't all be told (lists, NaN, empty texts); download it as CSV, or reproduce it as Parquet", set.ID)
		}
		return nil
	})
}

package historical

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// destination is where rows go: they appear there whole or not at all.
type destination interface {
	write(ctx context.Context, rows *tally) error
	// commit shows the rows that were written. made is their receipt, nil where
	// there is none.
	commit(ctx context.Context, made *receipt.Receipt) error
	// discard leaves nothing behind. After commit it does nothing.
	discard()
}

func (r *Request) destination(ctx context.Context) (destination, error) {
	if r.Table != "" {
		table, err := r.Warehouse.Replace(ctx, r.Table)
		if err != nil {
			return nil, err
		}
		return toTable{table}, nil
	}
	format, err := writerFor(r.Output)
	if err != nil {
		return nil, err
	}
	if sameFile(r.Output, r.Entities.Path) {
		return nil, asof.Errorf(asof.CodeInvalid, "the output %s is the file of the entity rows; name another file", r.Output)
	}
	out, err := create(r.Output)
	if err != nil {
		return nil, err
	}
	return &toFile{out, format, r.allocator()}, nil
}

// toFile is a file with its receipt beside it.
type toFile struct {
	*output
	format writer
	mem    memory.Allocator
}

func (f *toFile) write(ctx context.Context, rows *tally) error {
	return f.format(ctx, rows, f.output, f.mem)
}

// commit takes away the receipt of the file that is replaced before that goes,
// and lets no other run in between: a receipt never lies beside a file that is
// not its own.
func (f *toFile) commit(_ context.Context, made *receipt.Receipt) error {
	if err := f.file.Sync(); err != nil {
		return f.fault(err)
	}
	unlock, err := lockFolder(filepath.Dir(f.path))
	if err != nil {
		return f.fault(err)
	}
	defer unlock()
	if err := os.Remove(f.path + receipt.Suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return asof.Errorf(asof.CodeInvalid, "the receipt of the file that was there cannot be removed: %w", err)
	}
	if err := f.output.commit(); err != nil || made == nil {
		return err
	}
	return made.Write(f.path + receipt.Suffix)
}

// toTable is a table of the warehouse. It remembers its receipt by the ID.
type toTable struct{ asof.Replacement }

func (t toTable) write(ctx context.Context, rows *tally) error {
	_, err := t.Write(ctx, rows)
	return err
}

func (t toTable) commit(ctx context.Context, made *receipt.Receipt) error {
	if made == nil {
		return t.Commit(ctx, "")
	}
	return t.Commit(ctx, made.ID)
}

// discard forgets an error: what a replacement leaves, the next one removes.
func (t toTable) discard() { _ = t.Discard(context.Background()) }

package historical

import (
	"errors"
	"io/fs"
	"os"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// batchRows is how many entity rows go to the store at a time.
const batchRows = 1 << 15

// input is a file from which rows are read.
type input struct {
	path     string
	what     string // it is called in messages
	batch    int    // rows at a time
	progress asof.Progress
	mem      memory.Allocator
}

// input is the file of the entity rows.
func (r *Request) input() *input {
	return &input{path: r.Entities.Path, what: "entity rows " + r.Entities.Path, batch: batchRows, progress: r.Progress, mem: r.allocator()}
}

func (in *input) open() (*os.File, error) {
	file, err := os.Open(in.path)
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", in.what, at.Err)
	}
	return file, err
}

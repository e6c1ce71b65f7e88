package historical

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// writer writes rows to an output in one format.
type writer func(ctx context.Context, rows *tally, out *output, mem memory.Allocator) error

// writerFor chooses the format by the file's extension.
func writerFor(path string) (writer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, asof.Errorf(asof.CodeInvalid, "the output %s is a folder; name a .csv, .parquet or .arrow file", path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case ext == ".csv":
		return writeCSV, nil
	case ext == ".parquet":
		return writeParquet, nil
	case ext == ".arrow" || ext == ".feather":
		return writeArrow, nil
	case path == "":
		return nil, asof.Errorf(asof.CodeInvalid, "the output is missing; name a .csv, .parquet or .arrow file")
	default:
		return nil, asof.Errorf(asof.CodeInvalid, "the output %s: files that end in %q are not written; name a .csv, .parquet or .arrow file", path, ext)
	}
}

// sameFile reports whether both paths lead to one file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// output is a file that appears at its path whole or not at all: it is written
// beside it under another name, and renamed.
type output struct {
	path string
	file *os.File // nil once it is committed or discarded
	made []string // folders that were made for it, outermost first
}

func create(path string) (*output, error) {
	o := &output{path: path}
	err := o.makeFolder(filepath.Dir(path))
	if err == nil {
		removeLeftovers(path)
		o.file, err = o.beside(".part")
	}
	if err != nil {
		o.discard()
		return nil, o.fault(err)
	}
	return o, nil
}

// fault says that the output is what failed; nil stays nil.
func (o *output) fault(err error) error {
	if err == nil {
		return nil
	}
	return asof.Errorf(asof.CodeInvalid, "the output %s cannot be written: %w", o.path, err)
}

// makeFolder makes a folder and those above it, and remembers which.
func (o *output) makeFolder(dir string) error {
	var missing []string
	for {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			break
		}
		missing = append([]string{dir}, missing...)
		dir = filepath.Dir(dir)
	}
	for _, dir := range missing {
		if err := os.Mkdir(dir, 0o777); err != nil && !os.IsExist(err) {
			return err
		}
		o.made = append(o.made, dir)
	}
	return nil
}

// beside creates a file of a name that is not taken in the output's folder, and
// holds it.
func (o *output) beside(suffix string) (*os.File, error) {
	for {
		name := fmt.Sprintf(".%s.%08x%s", filepath.Base(o.path), rand.Uint32(), suffix)
		file, err := os.OpenFile(filepath.Join(filepath.Dir(o.path), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil || hold(file) {
			return file, err
		}
		file.Close() // another run took it for a leftover before it was held
	}
}

// commit puts the file, synced before, in its place. It is held until then.
func (o *output) commit() error {
	if err := os.Rename(o.file.Name(), o.path); err != nil {
		return o.fault(err)
	}
	err := o.file.Close()
	o.file, o.made = nil, nil
	return o.fault(err)
}

// discard leaves nothing behind. After commit it does nothing.
func (o *output) discard() {
	if o.file != nil {
		os.Remove(o.file.Name())
		o.file.Close()
		o.file = nil
	}
	for i := len(o.made) - 1; i >= 0; i-- {
		os.Remove(o.made[i]) // stays where somebody else put something in it
	}
	o.made = nil
}

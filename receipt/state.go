package receipt

import (
	"os"
	"path/filepath"
)

// State is what has become of a training set since it was written.
type State string

// The states of a training set.
const (
	There    State = "there"
	Replaced State = "replaced" // by another one of its name
	Gone     State = "gone"
	Unknown  State = "unknown" // the warehouse of its table does not answer
)

// Path returns where the file of a training set is, in a repository's folder
// unless it was written elsewhere; "" for a table.
func (r *Receipt) Path(dir string) string {
	if r.Output == "" || filepath.IsAbs(r.Output) {
		return r.Output
	}
	return filepath.Join(dir, filepath.FromSlash(r.Output))
}

// State tells what has become of a training set of the repository in dir. tables
// are those of its warehouse, as Warehouse.Replaced lists them; nil where that is
// not known.
func (r *Receipt) State(dir string, tables map[string]string) State {
	if r.Table == "" {
		return r.fileState(dir)
	}
	id, there := tables[r.Table]
	switch {
	case tables == nil:
		return Unknown
	case !there:
		return Gone
	case id != r.ID:
		return Replaced
	}
	return There
}

func (r *Receipt) fileState(dir string) State {
	path := r.Path(dir)
	if _, err := os.Stat(path); err != nil {
		return Gone
	}
	if beside, err := Read(path + Suffix); err != nil || beside.ID != r.ID {
		return Replaced
	}
	return There
}

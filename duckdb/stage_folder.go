//go:build duckdb_arrow

package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/asof-dev/asof"
)

// Within the warehouse: stages lie in stageFolder/RUN/ID, where ID is another
// each time that the stage is opened. Taking a stage is a rename of its
// folder: whoever had it open names a folder that is not there any more.
// spillFolder is where an append goes that is larger than memory.
const (
	stageFolder = ".stage"
	spillFolder = ".spill"

	stageFile = "stage.json"
)

// stageContent says what a stage's folder holds. It is replaced by a rename
// when a file is whole; files without a name here are what a dead process left.
type stageContent struct {
	Tables map[string]*stagedTable `json:"tables"`
}

// stagedTable is one file, with the rows of a table as they were given.
type stagedTable struct {
	File    string   `json:"file"` // in the folder
	Rows    int64    `json:"rows"`
	Content string   `json:"content"`
	Key     []string `json:"key"`
	Columns []column `json:"columns"`
}

// takeStage makes the folder of a run's stage ours.
func (w *Warehouse) takeStage(run string) (string, error) {
	base := filepath.Join(w.dir, stageFolder, run)
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	own := filepath.Join(base, id)
	for {
		entries, err := os.ReadDir(base)
		if err != nil {
			return "", err
		}
		if len(entries) == 0 {
			return own, os.Mkdir(own, 0o755)
		}
		err = os.Rename(filepath.Join(base, entries[0].Name()), own)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody else took it at this moment
		}
		return own, err
	}
}

// readStage reads what the folder holds, and removes what it does not name.
func readStage(folder string) (*stageContent, error) {
	c := &stageContent{Tables: map[string]*stagedTable{}}
	text, err := os.ReadFile(filepath.Join(folder, stageFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err == nil {
		if err := json.Unmarshal(text, c); err != nil {
			return c, asof.Errorf(asof.CodeInternal, "%s is not what a stage writes: %w", filepath.Join(folder, stageFile), err)
		}
	}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		named := slices.ContainsFunc(c.tables(), func(t *stagedTable) bool { return t.File == e.Name() })
		if e.Name() != stageFile && !named {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, e.Name())))
		}
	}
	return c, err
}

func (c *stageContent) tables() (list []*stagedTable) {
	for _, t := range c.Tables {
		list = append(list, t)
	}
	return list
}

// write replaces what the folder is said to hold.
func (c *stageContent) write(folder string) error {
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, stageFile)
	if err := writeSynced(path+".new", append(text, '\n')); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncPath(folder)
}

// fault is the engine's, unless the stage is not ours any more.
func (s *stage) fault(doing string, err error) error {
	if err != nil {
		if taken := s.taken(); taken != nil {
			return taken
		}
	}
	return fault(doing, err)
}

// taken reports that somebody else has opened the stage since, or dropped it.
func (s *stage) taken() error {
	if s.folder == "" {
		return nil
	}
	if _, err := os.Stat(s.folder); errors.Is(err, fs.ErrNotExist) {
		return asof.Errorf(asof.CodeConflict, "the stage of run %s has been taken over by another process", s.run)
	}
	return nil
}

// Stages lists the runs that have a stage.
func (w *Warehouse) Stages(context.Context) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(w.dir, stageFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, asof.Errorf(asof.CodeUnavailable, "the stages of the warehouse cannot be listed: %w", err)
	}
	var runs []string
	for _, e := range entries {
		if runName.MatchString(e.Name()) {
			runs = append(runs, e.Name())
		}
	}
	return runs, nil
}

// DiscardStage removes the folder of a run's stage.
func (w *Warehouse) DiscardStage(_ context.Context, run string) error {
	if !runName.MatchString(run) {
		return nil
	}
	base := filepath.Join(w.dir, stageFolder, run)
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, w.removeStage(filepath.Join(base, e.Name())))
	}
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "the stage of run %s cannot be removed: %w", run, err)
	}
	return nil
}

// removeStage removes one folder, and that of the run when nobody has taken
// the stage since.
func (w *Warehouse) removeStage(folder string) error {
	err := os.RemoveAll(folder)
	_ = os.Remove(filepath.Dir(folder)) // not while there is another stage in it
	_ = os.Remove(filepath.Join(w.dir, stageFolder))
	return err
}

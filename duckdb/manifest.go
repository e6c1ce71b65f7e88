//go:build duckdb_arrow

package duckdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

const (
	manifestFile    = "manifest.json"
	manifestVersion = 1

	// keptPublications is how many publications can be rolled back: what they
	// replaced is kept.
	keptPublications = 3

	// retirement is how long a file stays after the last manifest that named
	// it, for readers that took its name and hold no pin.
	retirement = time.Hour
)

// manifest names the files that are the warehouse. It is replaced as a whole,
// by a rename, so that whoever reads it has one state of every table.
type manifest struct {
	Version      int               `json:"version"`
	Tables       map[string]*table `json:"tables"`
	Publications []publication     `json:"publications"` // newest first
	Retired      []retired         `json:"retired,omitempty"`
}

// table is one dataset. A live table has one part that a publication wrote, and
// one for each append since; a snapshot has one for each as_of, sorted by it. Columns stay as they are once written; new ones
// come last, and older parts have none of them.
type table struct {
	Snapshot bool     `json:"snapshot,omitempty"`
	Key      []string `json:"key"`
	Columns  []column `json:"columns"`         // in order; as_of among a snapshot's
	AsOf     string   `json:"as_of,omitempty"` // live: the newest loaded
	Parts    []part   `json:"parts"`
	Whole    *whole   `json:"whole,omitempty"`
}

// whole marks a table that is written as a whole: it has no key and one part,
// and no publication changes it.
type whole struct {
	ID string `json:"id"` // what asof.Replacement.Commit was given
}

type column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as asof.ColumnType writes it; of a whole table, as Arrow does
}

// part is one file with all rows of a live table, or of a snapshot's as_of.
type part struct {
	AsOf    string `json:"as_of,omitempty"`
	File    string `json:"file"` // relative to the warehouse, with slashes
	Rows    int64  `json:"rows"`
	Width   int    `json:"width"`             // how many of the table's columns it has
	Dropped string `json:"dropped,omitempty"` // a file with the keys that earlier publications had
}

// publication is one change of the warehouse. While it is among the kept ones,
// Before holds the tables that it changed as they were, nil for one that was
// not there, and After the files of the live ones right after it.
type publication struct {
	ID      string              `json:"id"`
	Name    string              `json:"name"`
	AsOf    string              `json:"as_of"`
	At      time.Time           `json:"at"`
	Changes map[string]counts   `json:"changes,omitempty"` // by table
	Before  map[string]*table   `json:"before,omitempty"`
	After   map[string][]string `json:"after,omitempty"`
	Undone  *time.Time          `json:"undone,omitempty"` // when it was rolled back
	Gone    []string            `json:"gone,omitempty"`   // tables that went with it
}

// counts are how many rows a publication changed.
type counts struct {
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Removed int64 `json:"removed"`
}

// retired is a file that no state names any more, and since when.
type retired struct {
	File string    `json:"file"`
	At   time.Time `json:"at"`
}

func readManifest(dir string) (*manifest, error) {
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &manifest{Version: manifestVersion, Tables: map[string]*table{}}, nil
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the warehouse cannot be read: %w", err)
	}
	m := new(manifest)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, asof.Errorf(asof.CodeInternal, "%s is not a manifest of a warehouse: %w", path, err)
	}
	if m.Version != manifestVersion {
		return nil, asof.Errorf(asof.CodeInvalid, "%s has version %d, and this program reads version %d; use the program that wrote it", path, m.Version, manifestVersion)
	}
	if m.Tables == nil {
		m.Tables = map[string]*table{}
	}
	return m, nil
}

// write puts the manifest in place of the present one. When it returns, or the
// machine stops, the one or the other is there, whole.
func (m *manifest) write(dir string, step func(string)) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestFile)
	if err := writeSynced(path+".new", append(text, '\n')); err != nil {
		return err
	}
	step("manifest written")
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	step("manifest renamed")
	return syncPath(dir)
}

// files returns every file that the manifest names: those of its tables, and
// those that a rollback needs.
func (m *manifest) files() map[string]bool {
	named := map[string]bool{}
	add := func(tables map[string]*table) {
		for _, t := range tables {
			if t == nil {
				continue
			}
			for _, p := range t.Parts {
				named[p.File] = true
				if p.Dropped != "" {
					named[p.Dropped] = true
				}
			}
		}
	}
	add(m.Tables)
	for _, p := range m.Publications {
		add(p.Before)
		for _, files := range p.After {
			for _, file := range files {
				named[file] = true
			}
		}
	}
	return named
}

// succeed returns the manifest that follows m when p changes the tables in
// after: m is left as it is.
func (m *manifest) succeed(p publication, after map[string]*table) *manifest {
	next := &manifest{Version: manifestVersion, Tables: map[string]*table{}, Retired: slices.Clone(m.Retired)}
	p.Before, p.After = map[string]*table{}, map[string][]string{}
	maps.Copy(next.Tables, m.Tables)
	for name, t := range after {
		p.Before[name] = m.Tables[name]
		next.Tables[name] = t
		if !t.Snapshot {
			for _, part := range t.Parts {
				p.After[name] = append(p.After[name], part.File)
			}
		}
	}
	next.Publications = append([]publication{p}, m.Publications...)
	kept := 0
	for i := range next.Publications {
		if p := &next.Publications[i]; p.Before != nil {
			if kept++; kept > keptPublications {
				p.Before, p.After = nil, nil
			}
		}
	}
	next.retire(m, p.At)
	return next
}

// replace returns the manifest that follows m when t stands for a table that
// is written as a whole.
func (m *manifest) replace(name string, t *table, at time.Time) *manifest {
	next := &manifest{Version: manifestVersion, Tables: maps.Clone(m.Tables), Publications: m.Publications, Retired: slices.Clone(m.Retired)}
	next.Tables[name] = t
	next.retire(m, at.UTC())
	return next
}

// retire notes the files that before names and m does not.
func (m *manifest) retire(before *manifest, at time.Time) {
	named := m.files()
	for file := range before.files() {
		if !named[file] {
			m.Retired = append(m.Retired, retired{file, at})
		}
	}
}

func (t *table) part(asOf string) *part {
	for i := range t.Parts {
		if t.Parts[i].AsOf == asOf {
			return &t.Parts[i]
		}
	}
	return nil
}

// with returns a copy of the table in which p stands for its as_of.
func (t *table) with(p part) *table {
	c := *t
	c.Parts = slices.DeleteFunc(slices.Clone(t.Parts), func(o part) bool { return o.AsOf == p.AsOf })
	c.Parts = append(c.Parts, p)
	slices.SortFunc(c.Parts, func(a, b part) int {
		if a.AsOf < b.AsOf {
			return -1
		}
		return 1
	})
	return &c
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncPath makes a file, or the names in a folder, outlast the machine's stop.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s does not reach the disk: %w", path, err)
	}
	return nil
}

package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// Read reads the receipt in a file.
func Read(path string) (*Receipt, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, asof.Errorf(asof.CodeNotFound, "the receipt cannot be read: %w", err)
	}
	var r Receipt
	if err := json.Unmarshal(text, &r); err != nil || r.Format == 0 || r.Content == "" {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is not a receipt of a training set", path)
	}
	if r.Format > Format {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is a receipt of format %d, and this program reads formats up to %d; use asof %s or newer", path, r.Format, Format, r.Asof)
	}
	return &r, nil
}

// Write writes the receipt into a file, which is there whole or not at all.
func (r *Receipt) Write(path string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(r)
	var file *os.File
	if err == nil {
		file, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	}
	if err != nil {
		return asof.Errorf(asof.CodeInvalid, "the receipt cannot be written: %w", err)
	}
	_, err = file.Write(text.Bytes())
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return asof.Errorf(asof.CodeInvalid, "the receipt cannot be written: %w", err)
	}
	return nil
}

// Folder keeps a copy of every receipt of a repository, each under its ID.
type Folder string

// Keep adds a receipt. The folder is made where it is missing.
func (f Folder) Keep(r *Receipt) error {
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return asof.Errorf(asof.CodeInvalid, "the folder of receipts cannot be made: %w", err)
	}
	return r.Write(f.path(r.ID))
}

// Forget removes a receipt whose training set did not come to be.
func (f Folder) Forget(r *Receipt) { os.Remove(f.path(r.ID)) }

func (f Folder) path(id string) string { return filepath.Join(string(f), id+".json") }

// List returns the receipts, newest first. A folder that is not there has none.
func (f Folder) List() ([]*Receipt, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	var list []*Receipt
	for _, name := range names {
		r, err := Read(filepath.Join(string(f), name))
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *Receipt) int { return strings.Compare(b.ID, a.ID) })
	return list, nil
}

// Newest returns the newest receipts of a project, so many at most, how many
// more there are at most, and what is wrong with those that cannot be read.
func (f Folder) Newest(project string, most int) (list []*Receipt, more int, wrong []error, err error) {
	names, err := f.names()
	if err != nil {
		return nil, 0, nil, err
	}
	for i, name := range slices.Backward(names) {
		if len(list) == most {
			return list, i + 1, wrong, nil
		}
		switch r, err := Read(filepath.Join(string(f), name)); {
		case err != nil:
			wrong = append(wrong, err)
		case r.Project == project:
			list = append(list, r)
		}
	}
	return list, 0, wrong, nil
}

// Get returns the receipt of exactly this ID in a project. The ID may come from
// anybody: a file is only opened that the folder has. What is not there is
// CodeNotFound.
func (f Folder) Get(project, id string) (*Receipt, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	if at := slices.Index(names, id+".json"); at >= 0 {
		r, err := Read(filepath.Join(string(f), names[at]))
		if err != nil || r.Project == project {
			return r, err
		}
	}
	return nil, asof.Errorf(asof.CodeNotFound, "there is no training set %q", id)
}

// names are the files of the folder, oldest first. One that is not there has none.
func (f Folder) names() ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, asof.Errorf(asof.CodeInvalid, "the receipts cannot be listed: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && filepath.Ext(name) == ".json" {
			names = append(names, name)
		}
	}
	return names, nil
}

// Find returns the receipt of an ID, or of the beginning of one that no other
// ID has, or the newest of a table. What is not there is CodeNotFound.
func (f Folder) Find(id string) (*Receipt, error) {
	list, err := f.List()
	if err != nil {
		return nil, err
	}
	var found []*Receipt
	var known []string
	for _, r := range list {
		if r.Table == id && id != "" {
			return r, nil
		}
		if strings.HasPrefix(r.ID, id) {
			found = append(found, r)
		}
		if known = append(known, r.ID); r.Table != "" && !slices.Contains(known, r.Table) {
			known = append(known, r.Table)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, asof.Errorf(asof.CodeNotFound, "there is no training set %q%s", id, asof.DidYouMean(id, known))
	}
	return nil, asof.Errorf(asof.CodeInvalid, "%q begins the names of %s; write more of it", id, fmt.Sprintf("%d training sets", len(found)))
}

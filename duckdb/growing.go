//go:build duckdb_arrow

package duckdb

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// growing ends the name of a file that is still written. Whoever writes it
// holds a lock on it, so that nobody takes it for what a dead process left.
const growing = ".part"

// grow makes a file, PREFIX and 32 digits and .parquet.part, and locks it, after
// it has removed those of the prefix that dead processes left in the folder.
func grow(folder, prefix string, step func(string)) (*os.File, error) {
	if err := removeUnheld(folder, prefix); err != nil {
		return nil, err
	}
	for {
		id, err := newID()
		if err != nil {
			return nil, err
		}
		file, err := os.OpenFile(filepath.Join(folder, prefix+id+".parquet"+growing), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, err
		}
		step("file made")
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && fileIsAt(file) {
			return file, nil
		}
		_ = file.Close() // somebody took it for left over, before the lock was there
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(err, os.Remove(file.Name()))
		}
	}
}

// newID returns the 32 digits of a new file's name.
func newID() (string, error) {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	return hex.EncodeToString(id), err
}

// fileIsAt reports whether an open file is still the one of its name.
func fileIsAt(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Name())
	return err == nil && os.SameFile(open, named)
}

// removeUnheld removes the growing files of a prefix that no process holds.
func removeUnheld(folder, prefix string) error {
	left, err := filepath.Glob(filepath.Join(globEscape.Replace(folder), prefix+"*"+growing))
	if err != nil {
		return err
	}
	for _, path := range left {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && fileIsAt(file) {
			err = os.Remove(path)
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

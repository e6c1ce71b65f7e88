package historical

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// place is the folder of a set that is being made. A file in it that its process
// has locked tells it from what a killed one left.
type place struct {
	dir    string
	making *os.File
}

const (
	makingFile = ".making"
	newFolder  = ".new-" // begins the name of a folder that is not in its place yet
)

// take makes the folder of a set, which is in its place when it is locked. That
// of a name that is taken is CodeConflict.
func (s *Sets) take(o Order) (*place, error) {
	p := &place{}
	err := os.MkdirAll(s.Folder, 0o777)
	if err == nil {
		p.dir, err = os.MkdirTemp(s.Folder, newFolder)
	}
	if err == nil {
		p.making, err = os.OpenFile(filepath.Join(p.dir, makingFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err == nil && hold(p.making) {
		if err = errors.Join(os.Chmod(p.dir, 0o755), os.Rename(p.dir, s.folder(o))); err == nil {
			p.dir = s.folder(o)
			return p, nil
		}
	}
	if p.dir != "" {
		p.giveBack()
	}
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, os.ErrExist) {
		return nil, asof.Errorf(asof.CodeConflict, "there is a training set %s already, or it is being made; give another name", o.Name)
	}
	return nil, asof.Errorf(asof.CodeInvalid, "the folder of the training set cannot be made: %w; let this user write in %s", err, s.Folder)
}

// keep leaves the folder to the set in it.
func (p *place) keep() {
	os.Remove(filepath.Join(p.dir, makingFile))
	p.making.Close()
}

// giveBack removes the folder with all that is in it.
func (p *place) giveBack() {
	os.RemoveAll(p.dir)
	_ = p.making.Close() // nil where it was not made
}

// sweep removes what killed processes left, and uploads that nobody came back
// for. What cannot be removed stays: it is in nobody's way.
func (s *Sets) sweep() {
	entries, err := os.ReadDir(s.Folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		file, err := os.OpenFile(filepath.Join(s.Folder, e.Name(), makingFile), os.O_RDWR, 0)
		if err != nil || strings.HasPrefix(e.Name(), newFolder) {
			_ = file.Close() // nil where there is none
			continue
		}
		p := &place{filepath.Join(s.Folder, e.Name()), file}
		switch {
		case unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !isAt(file):
			file.Close()
		case fileThere(filepath.Join(p.dir, SetFile+receipt.Suffix)):
			p.keep()
		default:
			p.giveBack()
		}
	}
	removeOlder(s.Folder, newFolder)
	removeOlder(s.uploads(), "")
}

// removeOlder removes what begins with a prefix and lies there for too long.
func removeOlder(dir, prefix string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), prefix) && time.Since(info.ModTime()) > uploadKept {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Bounds of uploads that wait for their order.
const (
	mostUploads = 20
	uploadKept  = time.Hour
)

// uploadKinds are the files of entity rows that are taken.
var uploadKinds = []string{".csv", ".parquet"}

func (s *Sets) uploads() string { return filepath.Join(s.Folder, ".uploads") }

// makeRoom removes the oldest of the uploads where there are too many.
func (s *Sets) makeRoom() {
	entries, _ := os.ReadDir(s.uploads())
	var waiting []os.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			waiting = append(waiting, info)
		}
	}
	slices.SortFunc(waiting, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for len(waiting) >= mostUploads {
		os.Remove(filepath.Join(s.uploads(), waiting[0].Name()))
		waiting = waiting[1:]
	}
}

// Receive keeps a file of entity rows for an order, for an hour where not too many
// come after it, and returns the ID by which that names it. The caller bounds its
// size.
func (s *Sets) Receive(name string, rows io.Reader) (id string, err error) {
	ext := strings.ToLower(filepath.Ext(name))
	if !slices.Contains(uploadKinds, ext) {
		return "", asof.Errorf(asof.CodeInvalid, "%.80q is no file of entity rows: send a .csv or .parquet file", name)
	}
	s.sweep()
	s.makeRoom()
	id = rand.Text() + ext
	err = os.MkdirAll(s.uploads(), 0o777)
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(filepath.Join(s.uploads(), id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err == nil {
		_, err = io.Copy(file, rows)
		if err = errors.Join(err, file.Close()); err != nil {
			os.Remove(file.Name())
		}
	}
	if err != nil {
		return "", asof.Errorf(asof.CodeInvalid, "the file cannot be kept: %w", err)
	}
	return id, nil
}

// upload returns the path of a file that waits. Its name is looked for among
// those that there are, as the ID may come from anybody.
func (s *Sets) upload(id string) (string, error) {
	waiting, err := os.ReadDir(s.uploads())
	if err == nil {
		for _, e := range waiting {
			if e.Name() == id {
				return filepath.Join(s.uploads(), e.Name()), nil
			}
		}
	}
	return "", asof.Errorf(asof.CodeNotFound, "the uploaded file is not kept any more; send it again")
}

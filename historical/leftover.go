package historical

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// A file that is being written is locked by its process. The system takes the
// lock away with the process, so that what a killed run left can be told from
// what another run is writing. A file system that has no locks keeps leftovers.

// hold locks a file that was just made, and reports whether it is still there.
func hold(file *os.File) bool {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return !errors.Is(err, unix.EWOULDBLOCK) && isAt(file)
}

// isAt reports whether an open file is the one of its name.
func isAt(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Name())
	return err == nil && os.SameFile(open, named)
}

// removeLeftovers removes what killed runs left of an output. What cannot be
// removed stays: it is in nobody's way.
func removeLeftovers(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	ours := regexp.MustCompile(`^\.` + regexp.QuoteMeta(filepath.Base(path)) + `\.[0-9a-f]{8}\.(part|held)$`)
	for _, e := range entries {
		if !ours.MatchString(e.Name()) {
			continue
		}
		file, err := os.OpenFile(filepath.Join(filepath.Dir(path), e.Name()), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && isAt(file) {
			os.Remove(file.Name())
		}
		file.Close()
	}
}

// lockFolder waits until no other run puts a file into the folder.
func lockFolder(dir string) (unlock func(), err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(folder.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return func() { folder.Close() }, nil
		}
	}
}

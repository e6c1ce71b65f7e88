package sqlite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/asof-dev/asof"
)

// Lock locks a file of the view's own, in a folder beside the ledger. The
// system gives the lock back when the process ends, however it ends; the file
// stays, as a file that is removed could be locked twice.
func (l *Ledger) Lock(ctx context.Context, project, view string, wait bool) (unlock func(), err error) {
	folder := l.path + ".locks"
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, l.unlockable(err)
	}
	name := fmt.Sprintf("%x", sha256.Sum256([]byte(project+"\x00"+view)))[:32] // names may have any letters and length
	f, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return nil, l.unlockable(err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, l.unlockable(err)
		case !wait:
			f.Close()
			return nil, asof.Errorf(asof.CodeConflict, "another run materializes feature view %q", view)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (l *Ledger) unlockable(err error) error {
	return asof.Errorf(asof.CodeUnavailable, "the ledger %s cannot lock a view: %w; check that this user may write in its folder", l.path, err)
}

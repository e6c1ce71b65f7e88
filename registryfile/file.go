package registryfile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// settled reports whether a file that was modified at t cannot change any more
// without a new modification time. The clocks of file systems tick slowly, in
// some by the second.
func settled(t time.Time) bool {
	if t.Nanosecond() == 0 {
		return time.Since(t) > 3*time.Second
	}
	return time.Since(t) > 100*time.Millisecond
}

// refresh reads the file where it is not as it was read last.
func (r *Registry) refresh(ctx context.Context) error {
	stat, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		r.last = content{registry: &core.Registry{}, snapshots: map[string]*asof.Snapshot{}}
		return nil
	}
	if err != nil {
		return unreadable(r.path, err)
	}
	if r.last.trusted && sameFile(stat, r.last.stat) {
		return nil
	}
	return r.read(ctx)
}

// attempts is how often a file that is not a registry is read before it is
// called so: Feast empties the file before it writes it.
const attempts = 5

// read reads the file.
func (r *Registry) read(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		stat, err := os.Stat(r.path)
		if err != nil {
			return unreadable(r.path, err)
		}
		b, err := os.ReadFile(r.path)
		if err != nil {
			return unreadable(r.path, err)
		}
		trusted := settled(stat.ModTime())
		if r.last.stat != nil && bytes.Equal(b, r.last.bytes) {
			r.last.stat, r.last.trusted = stat, trusted
			return nil
		}
		registry, err := parse(r.path, b)
		if err == nil {
			r.last = content{stat, trusted, b, registry, map[string]*asof.Snapshot{}}
			return nil
		}
		if attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// parse reads a registry message. Nearly everything that is not one is no
// protobuf at all; the schema version tells the rest.
func parse(path string, b []byte) (*core.Registry, error) {
	var r core.Registry
	if len(b) == 0 {
		return nil, foreign(path, "it is empty")
	}
	if err := proto.Unmarshal(b, &r); err != nil {
		return nil, foreign(path, "it is damaged, cut off, or another kind of file")
	}
	switch r.RegistrySchemaVersion {
	case schemaVersion:
		return &r, nil
	case "":
		return nil, foreign(path, "it is another kind of file")
	}
	return nil, foreign(path, "its schema version is "+r.RegistrySchemaVersion+", and this program knows "+schemaVersion)
}

func foreign(path, why string) error {
	return asof.Errorf(asof.CodeInvalid, "%s is not a Feast registry: %s; restore it from a copy, "+
		"or move it away and run `asof apply`, or set `registry` in feature_store.yaml to another path", path, why)
}

func unreadable(path string, err error) error {
	code := asof.CodeUnavailable
	if errors.Is(err, fs.ErrPermission) {
		code = asof.CodeForbidden
	}
	return asof.Errorf(code, "cannot read registry %s: %w", path, cause(err))
}

// unwritable is the error of a change that was not made.
func unwritable(path string, err error) error {
	code, hint := asof.CodeUnavailable, ""
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		code, hint = asof.CodeForbidden, "; the folder must be writable for this user"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "; make room and apply again"
	case errors.Is(err, syscall.EBUSY):
		hint = "; it is a mount of its own: mount its folder instead"
	}
	return asof.Errorf(code, "cannot write registry %s, which is as it was: %w%s", path, cause(err), hint)
}

// cause takes the path off an error of the file system.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

// sameFile reports whether two stats are of the same file with, as far as a
// stat tells, the same content. nil is no file.
func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// lock takes the lock of the registry at path, and returns what releases it.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDONLY, 0o666) // to read: others may lock it too
	if err != nil {
		return nil, unwritable(path, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, unwritable(path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, asof.Errorf(asof.CodeUnavailable, "registry %s is being changed by another process: %w", path, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// draft is the next content of a file, in a file beside it.
type draft struct{ path string }

// newDraft writes a draft with the permissions, and where that is allowed the
// owner, of the file that it will replace; a new file has those of the process.
func newDraft(path string, b []byte, old os.FileInfo) (*draft, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	_ = os.Remove(name) // what a killed process left, perhaps of another user
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	d := &draft{name}
	_, err = f.Write(b)
	if err == nil && old != nil {
		err = f.Chmod(old.Mode().Perm())
		if s, ok := old.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(s.Uid), int(s.Gid)) // only root may; another user's draft is its own
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

// publish puts the draft in the place of the file at path.
func (d *draft) publish(path string) error {
	if err := os.Rename(d.path, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// discard removes a draft that was not published.
func (d *draft) discard() { _ = os.Remove(d.path) }

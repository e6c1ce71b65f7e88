package cli

import (
	"os"
	"syscall"

	"github.com/asof-dev/asof"
)

// becomeOwner makes a root process that works on somebody else's folder act as
// that folder's owner, so that the files it writes are theirs: in a container
// the repository is mounted from outside, and its owner must be able to change
// what was written there.
func becomeOwner(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil // the command says what is wrong with its folder
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	for _, step := range []func() error{
		func() error { return syscall.Setgroups([]int{int(stat.Gid)}) },
		func() error { return syscall.Setgid(int(stat.Gid)) },
		func() error { return syscall.Setuid(int(stat.Uid)) },
	} {
		if err := step(); err != nil {
			return asof.Errorf(asof.CodeInternal, "can't act as the owner of %s (user %d): %w", dir, stat.Uid, err)
		}
	}
	// The home of root is not readable any more, and DuckDB looks for one.
	return os.Setenv("HOME", os.TempDir())
}

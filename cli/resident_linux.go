package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStart takes the code that only the start needed, the engines' own
// initialisation mostly, off the process's resident memory. Code is never
// written to: what is needed again is mapped again when it is, from the file's
// pages in the system's cache.
func forgetStart() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		span, rest, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(rest, "r-xp ") && strings.HasSuffix(rest, " "+program) {
			if from, to, ok := addresses(span); ok {
				// Without it more stays resident, and nothing else.
				_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
			}
		}
	}
}

// addresses reads FROM-TO.
func addresses(span string) (from, to uintptr, ok bool) {
	first, last, _ := strings.Cut(span, "-")
	a, err := strconv.ParseUint(first, 16, 64)
	b, wrong := strconv.ParseUint(last, 16, 64)
	return uintptr(a), uintptr(b), err == nil && wrong == nil
}

package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStart takes the code and the constants that only the start needed, the
// engines' own initialisation mostly, off the process's resident memory. They are
// never written to: what is needed again is mapped again when it is, from the
// file's pages in the system's cache. Where the linker has filled addresses in,
// pages are no longer those of the file; those parts stay.
func forgetStart() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var from, to uintptr
	ours := false // whether from and to are a part of the program that is only read
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasSuffix(name, ":") { // a part begins: FROM-TO, then what it is
			from, to, ours = addresses(name)
			ours = ours && (strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")) && strings.HasSuffix(rest, " "+program)
		}
		if ours && name == "Anonymous:" && strings.TrimSpace(rest) == "0 kB" {
			// Without it more stays resident, and nothing else.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
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

package run

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
)

// process returns a mark of a process that no other has: the boot of the host
// and the namespace in which its number holds, and when it started. "" where
// there is none of that number.
func process(pid int) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name in parentheses may hold anything; the start is the 20th behind it.
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fmt.Sprintf("%x-%s", firstBytes(string(boot)+space), fields[19])
}

func firstBytes(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:4]
}

package run

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// workers counts the workers of this process.
var workers atomic.Int64

// name names a worker of this process: host, process, and place, which tells
// whether another process sees that one's number as it is.
func name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d.%d@%s", host, os.Getpid(), workers.Add(1), process(os.Getpid()))
}

// dead reports whether a worker's process is known to have ended. Of a worker
// elsewhere nothing is known.
func dead(worker string) bool {
	_, rest, _ := strings.Cut(worker, "/")
	number, was, ok := strings.Cut(rest, "@")
	var pid int
	if _, err := fmt.Sscanf(number, "%d.", &pid); err != nil || !ok || place(was) == "" || place(was) != place(process(os.Getpid())) {
		return false
	}
	return process(pid) != was
}

// place is the part of a process's mark that all processes have in common that
// see one another's numbers.
func place(mark string) string {
	at, _, _ := strings.Cut(mark, "-")
	return at
}

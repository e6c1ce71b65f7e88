package storetest

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Main is a package's whole TestMain: it runs the tests, stops the servers
// they started, and fails when a goroutine is left over.
func Main(m *testing.M) {
	os.Exit(Run(m))
}

// Run is Main without the exit, for a TestMain that has more to do. It returns
// the exit code.
func Run(m interface{ Run() int }) int {
	code := m.Run()
	stopServers()
	if code != 0 {
		return code // a failed test may well have left things behind
	}
	clock := goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock") // ends by itself, a second after the last match
	if err := goleak.Find(clock); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left over after all tests:", err)
		return 1
	}
	return 0
}

// shared is a server that the tests of one process share: started by the first
// that asks, stopped by Run. One failure to start is every later caller's too.
type shared[T any] struct {
	once  sync.Once
	value *T
	err   error
}

// get starts the server once.
func (s *shared[T]) get(tb testing.TB, start func() (*T, error)) *T {
	tb.Helper()
	s.once.Do(func() { s.value, s.err = start() })
	if s.err != nil {
		tb.Fatal(s.err)
	}
	return s.value
}

// running holds the processes that Run has to stop.
var running struct {
	sync.Mutex
	processes []*process
}

func stopServers() {
	running.Lock()
	defer running.Unlock()
	for _, p := range running.processes {
		p.stop()
	}
	running.processes = nil
}

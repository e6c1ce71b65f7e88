package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cutOffProgram is set in a process that has to become another program, which
// this package traces.
const cutOffProgram = "ASOF_STORETEST_CUT_OFF"

// Cuts runs programs that it kills (SIGKILL) right before one of their writes.
// Writes are those to files of Dir and below, to sockets, and the names that
// files get and lose. It works by ptrace, so the program runs as it is.
type Cuts struct {
	Dir     string
	Sockets bool // count what is sent to servers alone: files are not the place
}

// Traced makes this process the program that [Cuts.Run] was given. It has to
// be the first thing of a test function that calls Run, since the test binary
// is started again with that function alone; elsewhere it does nothing.
func Traced() {
	words := strings.Split(os.Getenv(cutOffProgram), "\x1f")
	if words[0] == "" {
		return
	}
	runtime.LockOSThread() // the filter is of this thread, which becomes the program
	err := os.Unsetenv(cutOffProgram)
	if err == nil {
		err = stopBefore(tracedCalls)
	}
	if err == nil {
		err = syscall.Exec(words[0], words, os.Environ())
	}
	panic(fmt.Sprintf("cannot become %s: %v", words[0], err))
}

// Run runs the program until right before its nth write, which it returns in
// words. One that ends before must do so without an error, and "" is returned.
func (c Cuts) Run(t *testing.T, n int, program string, args ...string) (write string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	output, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	var status syscall.WaitStatus
	traced := make(chan error)
	go func() {
		runtime.LockOSThread() // a process is traced by a thread
		defer runtime.UnlockOSThread()
		var err error
		write, status, err = c.trace(n, t.Name(), append([]string{path}, args...), output)
		traced <- err
	}()
	if err := <-traced; err != nil {
		t.Fatal(err)
	}
	if write == "" && status != 0 {
		said, _ := os.ReadFile(output.Name())
		t.Fatalf("%s %s ended with %d\n%s", program, strings.Join(args, " "), status.ExitStatus(), said)
	}
	return write
}

// trace starts this test binary again, as [Traced] has it, and lets it go on
// from stop to stop.
func (c Cuts) trace(n int, test string, words []string, output *os.File) (write string, status syscall.WaitStatus, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, err
	}
	pid, err := syscall.ForkExec(self, []string{self, "-test.run=^" + strings.ReplaceAll(test, "/", "$/^") + "$"}, &syscall.ProcAttr{
		Env:   append(os.Environ(), cutOffProgram+"="+strings.Join(words, "\x1f")),
		Files: []uintptr{0, output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return "", 0, err
	}
	for begun := false; ; {
		tid, err := syscall.Wait4(-1, &status, syscall.WALL|unix.WNOTHREAD, nil) // children of this thread alone
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return "", 0, fmt.Errorf("waiting for %s: %w", words[0], err)
		case status.Exited() || status.Signaled():
			if tid == pid {
				return write, status, nil
			}
			continue
		case !begun:
			begun = true
			if err := syscall.PtraceSetOptions(pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACEEXEC|unix.PTRACE_O_TRACESECCOMP); err != nil {
				return "", 0, fmt.Errorf("tracing %s: %w", words[0], err)
			}
		case status.TrapCause() == unix.PTRACE_EVENT_SECCOMP && write == "":
			what, err := c.write(tid)
			if err != nil {
				return "", 0, err
			}
			if what == "" {
				break
			}
			if n--; n == 0 {
				write = what
				_ = syscall.Kill(pid, syscall.SIGKILL)
				continue
			}
		}
		_ = syscall.PtraceCont(tid, passed(status)) // one that was killed is gone
	}
}

// passed is the signal that made a process stop, if it is one of its own: not
// what tracing makes of clone, exec and the calls that are watched.
func passed(status syscall.WaitStatus) int {
	if s := status.StopSignal(); s != syscall.SIGTRAP && s != syscall.SIGSTOP {
		return int(s)
	}
	return 0
}

// write says in words what a thread that has stopped is about to write; "" for
// what does not count.
func (c Cuts) write(tid int) (string, error) {
	var call syscallInfo
	if _, _, failed := syscall.Syscall6(syscall.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), unsafe.Sizeof(call), uintptr(unsafe.Pointer(&call)), 0, 0); failed != 0 {
		return "", fmt.Errorf("what a process is about to do cannot be seen: %w", failed)
	}
	name := tracedCalls[call.Number]
	if !takesFile(call.Number) {
		if c.Sockets {
			return "", nil
		}
		return name, nil
	}
	file, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(call.Arguments[0])))
	switch {
	case err != nil:
		return "", nil // it is no open file: the call fails
	case strings.HasPrefix(file, "socket:"):
		return name + " to a socket", nil
	case c.Sockets || !strings.HasPrefix(file, c.Dir) || strings.HasSuffix(file, "-shm"): // SQLite's shared memory is no storage
		return "", nil
	}
	return name + " to " + strings.TrimPrefix(file, c.Dir), nil
}

// tracedCalls are the calls by which something is written.
var tracedCalls = map[uint64]string{
	unix.SYS_WRITE: "write", unix.SYS_WRITEV: "writev", unix.SYS_PWRITE64: "pwrite", unix.SYS_PWRITEV: "pwritev",
	unix.SYS_SENDTO: "send", unix.SYS_SENDMSG: "sendmsg", unix.SYS_FTRUNCATE: "truncate",
	unix.SYS_RENAME: "rename", unix.SYS_RENAMEAT: "rename", unix.SYS_RENAMEAT2: "rename",
	unix.SYS_LINK: "link", unix.SYS_LINKAT: "link", unix.SYS_UNLINK: "unlink", unix.SYS_UNLINKAT: "unlink",
}

// takesFile reports whether the first argument of a call is an open file.
func takesFile(number uint64) bool {
	switch number {
	case unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINK, unix.SYS_LINKAT, unix.SYS_UNLINK, unix.SYS_UNLINKAT:
		return false
	}
	return true
}

// ptraceGetSyscallInfo is PTRACE_GET_SYSCALL_INFO, and syscallInfo what it
// fills at a stop before a call.
const ptraceGetSyscallInfo = 0x420e

type syscallInfo struct {
	_         [24]byte // kind of stop, architecture, where it is
	Number    uint64
	Arguments [6]uint64
	_         uint64
}

// stopBefore has the kernel stop this thread, and what it becomes, before each
// of the calls: a filter of seccomp, which leaves all others at full speed.
func stopBefore(calls map[uint64]string) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the call's number
	for number := range calls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(number), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, failed := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); failed != 0 {
		return failed
	}
	return nil
}

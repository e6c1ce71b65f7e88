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

// Cuts runs programs that something happens to right before one of their
// writes. Writes are those to files of Dir and below, to sockets, and the names
// that files get and lose. It works by ptrace, so the program runs as it is.
type Cuts struct {
	Dir     string
	Sockets bool // count what is sent to servers alone: files are not the place
}

// Ending is how a program came to its end.
type Ending struct {
	Write  string // that it was stopped at, in words; "" where it did not get so far
	Code   int    // its exit code, -1 where it was killed
	Output string
}

// Traced makes this process the program that a [Cuts] was given. It has to be
// the first thing of a test function that has one, since the test binary is
// started again with that function alone; elsewhere it does nothing.
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

// Kill runs the program and kills it (SIGKILL) right before its nth write. One
// that ends before must do so without an error.
func (c Cuts) Kill(t *testing.T, n int, program string, args ...string) Ending {
	t.Helper()
	end := c.run(t, n, false, program, args)
	if end.Write == "" && end.Code != 0 {
		t.Fatalf("%s %s ended with %d\n%s", program, strings.Join(args, " "), end.Code, end.Output)
	}
	return end
}

// FillDisk runs the program, and has its nth write to a file and all later ones
// fail as on a disk that is full.
func (c Cuts) FillDisk(t *testing.T, n int, program string, args ...string) Ending {
	t.Helper()
	return c.run(t, n, true, program, args)
}

func (c Cuts) run(t *testing.T, n int, full bool, program string, args []string) Ending {
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
	tr := trace{Cuts: c, left: n, full: full, words: append([]string{path}, args...)}
	traced := make(chan error)
	go func() {
		runtime.LockOSThread() // a process is traced by a thread
		defer runtime.UnlockOSThread()
		traced <- tr.run(t.Name(), output)
	}()
	if err := <-traced; err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(output.Name())
	if err != nil {
		t.Fatal(err)
	}
	return Ending{tr.at, tr.status.ExitStatus(), string(said)}
}

// trace is one program while it runs.
type trace struct {
	Cuts
	words  []string
	left   int // writes until it happens
	full   bool
	at     string // the write at which it did
	pid    int
	status syscall.WaitStatus
}

// run starts this test binary again, as [Traced] has it, and lets it go on from
// stop to stop.
func (tr *trace) run(test string, output *os.File) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	tr.pid, err = syscall.ForkExec(self, []string{self, "-test.run=^" + strings.ReplaceAll(test, "/", "$/^") + "$"}, &syscall.ProcAttr{
		Env:   append(os.Environ(), cutOffProgram+"="+strings.Join(tr.words, "\x1f")),
		Files: []uintptr{0, output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return err
	}
	for begun := false; ; {
		tid, err := syscall.Wait4(-tr.pid, &tr.status, syscall.WALL, nil) // its group: this process has other children
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", tr.words[0], err)
		case tr.status.Exited() || tr.status.Signaled():
			if tid == tr.pid {
				return nil
			}
			continue
		case !begun:
			begun = true
			if err := syscall.PtraceSetOptions(tr.pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACEEXEC|unix.PTRACE_O_TRACESECCOMP); err != nil {
				return fmt.Errorf("tracing %s: %w", tr.words[0], err)
			}
		case tr.status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
			if err := tr.stopped(tid); err != nil {
				return err
			}
		}
		_ = syscall.PtraceCont(tid, passed(tr.status)) // one that was killed is gone
	}
}

// stopped has happen what is to happen to a thread that is about to write.
func (tr *trace) stopped(tid int) error {
	var registers syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &registers); err != nil {
		return nil // it was killed
	}
	what := tr.write(tid, &registers)
	if what == "" || tr.full && (!fills(registers.Orig_rax) || strings.HasSuffix(what, " socket")) {
		return nil
	}
	if tr.left--; tr.left > 0 {
		return nil
	}
	if tr.left == 0 {
		tr.at = what
	}
	if !tr.full {
		return syscall.Kill(tr.pid, syscall.SIGKILL)
	}
	answer := -int64(syscall.ENOSPC)
	registers.Orig_rax, registers.Rax = ^uint64(0), uint64(answer) // no call
	return syscall.PtraceSetRegs(tid, &registers)
}

// fills reports whether a call writes into a file: those are the ones that fail
// on a full disk.
func fills(number uint64) bool {
	return number == unix.SYS_WRITE || number == unix.SYS_WRITEV || number == unix.SYS_PWRITE64 || number == unix.SYS_PWRITEV
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
func (c Cuts) write(tid int, registers *syscall.PtraceRegs) string {
	name := tracedCalls[registers.Orig_rax]
	if !takesFile(registers.Orig_rax) {
		if c.Sockets {
			return ""
		}
		return name
	}
	file, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(registers.Rdi)))
	switch {
	case err != nil:
		return "" // it is no open file: the call fails
	case strings.HasPrefix(file, "socket:"):
		return name + " to a socket"
	case c.Sockets || !strings.HasPrefix(file, c.Dir) || strings.HasSuffix(file, "-shm"): // SQLite's shared memory is no storage
		return ""
	}
	return name + " to " + strings.TrimPrefix(file, c.Dir)
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

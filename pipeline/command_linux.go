package pipeline

import "syscall"

// ownGroup gives a program a process group of its own, and lets it die with
// us: the run that goes on after us starts it again.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

package storetest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel send signal to cmd when this process dies.
func dieWithParent(cmd *exec.Cmd, signal syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = signal
}

package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/asof-dev/asof"
)

const (
	// endsWithin is how long a program that is to end has before it is killed.
	endsWithin = 5 * time.Second
	// mostLine bounds a line of a program's output, in bytes.
	mostLine = 4096
	// toldLines is how many of the last lines an error tells.
	toldLines = 5
)

// command runs the step's program, logs what it prints, and waits for it. A
// program that fails is CodeInternal and tells its last lines. When ctx ends, so
// does the program, with all processes that it started; so do those that it
// leaves behind.
func (a *action) command(ctx context.Context, c *CommandStep) error {
	cmd, err := a.program(c)
	if err != nil {
		return err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "step %s: %w", a.step, err)
	}
	cmd.Stdout, cmd.Stderr = input, input
	var last []string
	var reading sync.WaitGroup
	reading.Go(func() {
		last = a.lines(output)
	})
	defer func() { _ = output.Close() }()
	err = a.ended(ctx, cmd, input)
	reading.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return asof.Errorf(asof.CodeInternal, "%s", strings.Join(append([]string{fmt.Sprintf("step %s: the program ended with %s", a.step, exit)}, last...), "\n  "))
	case err != nil:
		return asof.Errorf(asof.CodeInvalid, "step %s: %s cannot be run: %w", a.step, cmd.Args[0], err)
	}
	return nil
}

// program returns the program to start, in a process group of its own.
func (a *action) program(c *CommandStep) (*exec.Cmd, error) {
	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		args[i] = a.values.fill(arg)
	}
	if c.Shell {
		args = []string{"sh", "-c", placeholder.ReplaceAllStringFunc(c.Args[0], func(match string) string { return quoted(a.values.fill(match)) })}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = filepath.Join(a.repo, a.values.fill(c.Dir))
	if filepath.IsAbs(c.Dir) {
		cmd.Dir = a.values.fill(c.Dir)
	}
	cmd.Env = append(os.Environ(), "ASOF_PIPELINE="+a.pipeline, "ASOF_RUN="+a.run, "ASOF_STEP="+a.step)
	for name, text := range c.Env {
		value, err := a.expand(text, plain)
		if err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = ownGroup()
	return cmd, nil
}

// quoted returns a value as one word of the shell.
func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// ended starts the program and waits for it, or for ctx and then for the
// program. The thread that starts it stays: with it the program would die.
func (a *action) ended(ctx context.Context, cmd *exec.Cmd, input *os.File) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	_ = input.Close()
	if err != nil {
		return err
	}
	group := -cmd.Process.Pid
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		_ = syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(endsWithin):
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
	})
	err = cmd.Wait()
	close(done)
	watching.Wait()
	_ = syscall.Kill(group, syscall.SIGKILL)
	return err
}

// lines logs lines as they come, and returns the last ones.
func (a *action) lines(output io.Reader) (last []string) {
	lines := bufio.NewReaderSize(output, mostLine)
	for {
		line, cut, err := lines.ReadLine()
		if err != nil {
			return last
		}
		text := a.public(strings.ToValidUTF8(string(bytes.TrimRight(line, "\r")), "�"))
		for cut && err == nil {
			_, cut, err = lines.ReadLine()
		}
		a.log(text)
		if last = append(last, text); len(last) > toldLines {
			last = last[1:]
		}
	}
}

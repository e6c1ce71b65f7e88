package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
)

// Asof runs `serve --all` of our binary over a repository, on free ports, and
// returns the address of one of its servers, which is named as it says it:
// "console", "project shop". What it says later goes to stderr.
func Asof(ctx context.Context, program, repo, name string) (address string, stop func() error, err error) {
	c := exec.CommandContext(ctx, program, "-c", repo, "serve", "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	out, err := c.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	listening := regexp.MustCompile(`Serving ` + regexp.QuoteMeta(name) + ` on (http://\S+)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if match := listening.FindStringSubmatch(lines.Text()); match != nil {
			go func() {
				for lines.Scan() {
					fmt.Fprintln(os.Stderr, lines.Text())
				}
			}()
			return match[1], func() error { return errors.Join(c.Process.Signal(os.Interrupt), c.Wait()) }, nil
		}
		fmt.Fprintln(os.Stderr, lines.Text())
	}
	return "", nil, errors.Join(errors.New("the server did not start"), c.Wait())
}

package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

// pingTimeout bounds how long ping waits for an answer.
const pingTimeout = 3 * time.Second

// pingCommand asks a URL for a 200, so that an image without curl can check
// its own health.
func (a *app) pingCommand() *cobra.Command {
	var insecure bool
	cmd := &cobra.Command{
		Use:     "ping URL",
		Short:   "Ask a running server whether it answers",
		Long:    "Asks URL once and succeeds where the answer is 200: the health check of a container.",
		Example: a.example("ping http://127.0.0.1:6566/health", "ping --insecure https://127.0.0.1:6566/health"),
		Args:    a.args("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := http.Client{Timeout: pingTimeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: insecure}}}
			resp, err := client.Get(args[0])
			if err != nil {
				return asof.Errorf(asof.CodeUnavailable, "no answer: %w", err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			if err != nil {
				return asof.Errorf(asof.CodeUnavailable, "no whole answer from %s: %w", args[0], err)
			}
			if resp.StatusCode != http.StatusOK {
				return asof.Errorf(asof.CodeUnavailable, "%s answers %s: %s", args[0], resp.Status, strings.TrimSpace(string(body)))
			}
			_, err = fmt.Fprintln(a.stdio.Out, strings.TrimSpace(string(body)))
			return err
		},
	}
	cmd.Flags().BoolVar(&insecure, "insecure", false, "take any certificate: of a server on this machine, whose name it does not bear")
	return cmd
}

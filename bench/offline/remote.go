package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// remoteAtMost is what Feast's SDK, which asks our server over Arrow Flight, may
// cost beside our command line and the bare transfer together: that is a server
// which has the answer in memory, asked by the same client.
const remoteAtMost = 1.5

// turnTimes are what the client measured of one turn, in seconds.
type turnTimes struct{ SDK, Bare float64 }

// runRemote measures a million entity rows, or as many as are asked for.
func runRemote(ctx context.Context, o options) (err error) {
	if o.entities == 0 {
		o.entities = 1_000_000
	}
	t := trials(o)[0]
	t.feast = false
	if t.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
	if err := t.prepare(ctx, o); err != nil {
		return err
	}
	cli := t.contenders[ours]
	if err := cli.measure(ctx); err != nil { // warms up, and writes what the bare server sends
		return err
	}
	r, err := t.startRemote(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	sdk, bare := &contender{name: "Feast's SDK from asof serve_offline"}, &contender{name: "bare transfer"}
	cli.times = nil
	for turn := range o.runs {
		if err := cli.measure(ctx); err != nil {
			return err
		}
		times, err := r.turn()
		if err != nil {
			return err
		}
		sdk.times, bare.times = append(sdk.times, seconds(times.SDK)), append(bare.times, seconds(times.Bare))
		if turn == 0 {
			if err := child(ctx, "compare", strconv.Itoa(t.entities), cli.output, filepath.Join(t.dir, "remote.parquet")); err != nil {
				return err
			}
		}
	}
	return reportRemote(os.Stdout, t, cli, bare, sdk)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func reportRemote(out io.Writer, t *trial, cli, bare, sdk *contender) error {
	fmt.Fprintf(out, "\n%s, 11 features, a data frame to a data frame\n", t.name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tmedian")
	cli.name = "asof get-historical-features, Parquet to Parquet"
	for _, c := range []*contender{cli, bare, sdk} {
		fmt.Fprintf(w, "%s\t×%d\t%.2f s\n", c.name, len(c.times), median(c.times).Seconds())
	}
	w.Flush()
	ratio := float64(median(sdk.times)) / float64(median(cli.times)+median(bare.times))
	fmt.Fprintf(out, "the SDK costs %.2f of the other two together, at most %.1f\n", ratio, remoteAtMost)
	if ratio > remoteAtMost {
		return fmt.Errorf("the SDK costs %.2f of the command line and the transfer, more than %.1f", ratio, remoteAtMost)
	}
	return nil
}

// remote are both servers, and the client that asks them.
type remote struct {
	running []*exec.Cmd
	ask     io.WriteCloser
	answers *json.Decoder
}

func (t *trial) startRemote(ctx context.Context, o options) (*remote, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &remote{}
	ours, err := r.serve(ctx, o.asof, "-c", t.dir, "serve_offline", "-p", "0")
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	bare, err := r.serve(ctx, self, "remote-floor", filepath.Join(t.dir, "ours.parquet"))
	if err == nil {
		err = r.client(ctx, o.feast, t.dir, append([]string{t.dir, ours, bare}, references...))
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// serve starts a server and returns where it listens, which it says first.
func (r *remote) serve(ctx context.Context, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	printed, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", err
	}
	r.running = append(r.running, cmd)
	line, err := bufio.NewReader(printed).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), "grpc://")
	if err != nil || !found {
		return "", fmt.Errorf("%s does not serve: %s", command[0], line)
	}
	go io.Copy(io.Discard, printed)
	return address, nil
}

// client starts the script that asks.
func (r *remote) client(ctx context.Context, python, dir string, arguments []string) error {
	script := filepath.Join(dir, "remote_run.py")
	if err := os.WriteFile(script, []byte(remotePy), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, python, append([]string{script}, arguments...)...)
	cmd.Stderr = os.Stderr
	ask, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	answers, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	r.running, r.ask, r.answers = append(r.running, cmd), ask, json.NewDecoder(answers)
	return nil
}

// turn has the client ask both servers once.
func (r *remote) turn() (times turnTimes, err error) {
	if _, err := fmt.Fprintln(r.ask, "go"); err != nil {
		return times, err
	}
	return times, r.answers.Decode(&times)
}

// close ends the client, then the servers.
func (r *remote) close() (err error) {
	if r.ask != nil {
		_ = r.ask.Close() // it may have ended
	}
	for _, cmd := range slices.Backward(r.running) {
		if cmd != r.running[len(r.running)-1] || r.ask == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM) // likewise
		}
		err = errors.Join(err, cmd.Wait())
	}
	return err
}

// remotePy measures a turn for each line that it reads: training data by the
// SDK, and the bare transfer of the same rows. Its arguments are the folder, the
// addresses of both servers, and the references.
const remotePy = `import json, os, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
import pyarrow as pa
import pyarrow.flight as fl
from feast import FeatureStore

folder, ours, bare, references = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
host, port = ours.rsplit(":", 1)
os.makedirs(folder + "/client")
with open(folder + "/client/feature_store.yaml", "w") as file:
    file.write(f"project: bench\nprovider: local\nregistry: {folder}/registry.db\noffline_store: {{type: remote, host: {host}, port: {port}}}\n"
               f"online_store: {{type: sqlite, path: {folder}/online.db}}\nentity_key_serialization_version: 3\n")
store = FeatureStore(folder + "/client")
entities = pd.read_parquet(folder + "/entities.parquet")

def sdk():
    return store.get_historical_features(entities, references).to_df()

def transfer():
    writer, reader = fl.FlightClient("grpc+tcp://" + bare).do_exchange(fl.FlightDescriptor.for_command(b"{}"))
    table = pa.Table.from_pandas(entities)
    writer.begin(table.schema)
    writer.write_table(table)
    writer.done_writing()
    return reader.read_all().to_pandas()

sdk().to_parquet(folder + "/remote.parquet")
transfer()
for _ in sys.stdin:
    times = []
    for do in (sdk, transfer):
        started = time.perf_counter()
        do()
        times.append(time.perf_counter() - started)
    print(json.dumps({"SDK": times[0], "Bare": times[1]}), flush=True)
`

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

//go:embed fifty.py
var fifty string

// applyFifty has Feast's SDK apply fifty views, and returns what the apply alone
// has taken.
func (p *process) applyFifty(o options) (time.Duration, error) {
	dir, err := os.MkdirTemp(o.dir, "client-")
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(o.feast, "-c", fifty, dir, p.address, project)
	cmd.Env = append(os.Environ(), "PYTHONWARNINGS=ignore", "FEAST_USAGE=False")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("the SDK's apply: %w\n%s", err, stderr.Bytes())
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(stdout.String()), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// bare answers every get with one message.
type bare struct {
	pb.UnimplementedRegistryServerServer
	view *core.FeatureView
}

func (b bare) GetFeatureView(context.Context, *pb.GetFeatureViewRequest) (*core.FeatureView, error) {
	return b.view, nil
}

// measureBare returns what a get takes from a server that does nothing.
func measureBare(ctx context.Context) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	s := grpc.NewServer()
	defer s.Stop()
	pb.RegisterRegistryServerServer(s, bare{view: view(11)})
	go s.Serve(l)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	p := &process{client: pb.NewRegistryServerClient(conn)}
	all := make([]time.Duration, 1000)
	for i := range all {
		if all[i], err = p.gets(ctx, options{objects: 12}, 1); err != nil { // its first name is that of the message
			return 0, err
		}
	}
	return middle(all), nil
}

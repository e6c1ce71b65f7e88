package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/bench/server"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

const project = "bench"

// contend fills a registry, serves it by a contender's server, and measures it.
func (s *store) contend(ctx context.Context, o options, who string, turns int) (m measured, err error) {
	dir, err := s.repository(ctx, who)
	if err != nil {
		return m, err
	}
	if err := s.fill(ctx, o, dir); err != nil {
		return m, fmt.Errorf("filling the registry: %w", err)
	}
	time.Sleep(200 * time.Millisecond) // until the file's time can be relied on
	var starts, gets, busy []time.Duration
	for turn := range turns {
		p, took, err := serve(ctx, o, who, dir)
		if err != nil {
			return m, err
		}
		starts = append(starts, took)
		get, err := p.gets(ctx, o, 200)
		if err == nil && s.database != nil {
			var b time.Duration
			b, err = s.whileOthersCommit(ctx, func() (time.Duration, error) { return p.gets(ctx, o, 200) })
			busy = append(busy, b)
		}
		if err == nil && turn == turns-1 && o.feast != "" {
			m.apply, err = p.applyFifty(o)
		}
		if err = errors.Join(err, p.stop()); err != nil {
			return m, err
		}
		gets = append(gets, get)
	}
	m.start, m.get, m.busy = middle(starts), middle(gets), middle(busy)
	return m, nil
}

func middle(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// process is a server that answers.
type process struct {
	cmd     *exec.Cmd
	address string
	client  pb.RegistryServerClient
	conn    *grpc.ClientConn
}

// serve starts a server and returns it after its first answer, and how long
// that has taken.
func serve(ctx context.Context, o options, who, dir string) (*process, time.Duration, error) {
	port, err := server.FreePort()
	if err != nil {
		return nil, 0, err
	}
	p := &process{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if who == "asof" {
		p.cmd = exec.Command(o.asof, "-c", dir, "serve_registry", "-h", "127.0.0.1", "-p", strconv.Itoa(port))
	} else {
		p.cmd = exec.Command(o.feast, "-m", "feast.cli.cli", "-c", dir, "serve_registry", "-p", strconv.Itoa(port))
		p.cmd.Env = append(os.Environ(), "PYTHONWARNINGS=ignore", "FEAST_USAGE=False")
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, err
	}
	if err := server.Reachable(port); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, 0, errors.Join(fmt.Errorf("%s does not listen: %w\n%s", who, err, text), p.stop())
	}
	// In a message of 64 MiB there is room for the whole registry.
	p.conn, err = grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	p.client = pb.NewRegistryServerClient(p.conn)
	if _, err := p.client.ListProjects(ctx, &pb.ListProjectsRequest{}); err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	return p, time.Since(began), nil
}

func (p *process) stop() error {
	if p.conn != nil {
		_ = p.conn.Close()
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = p.cmd.Wait() // Feast's does not exit with 0
	return nil
}

// gets returns the median time of n gets.
func (p *process) gets(ctx context.Context, o options, n int) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		name := fmt.Sprintf("view%d", (i*37+11)%o.objects)
		sent := time.Now()
		found, err := p.client.GetFeatureView(ctx, &pb.GetFeatureViewRequest{Project: project, Name: name})
		if err != nil {
			return 0, err
		}
		if found.GetSpec().GetName() != name || len(found.GetSpec().GetFeatures()) != 10 {
			return 0, fmt.Errorf("asked for %s, got %v", name, found)
		}
		times[i] = time.Since(sent)
	}
	return middle(times), nil
}

// fill puts the objects into the registry of a repository, by our server.
func (s *store) fill(ctx context.Context, o options, dir string) error {
	p, _, err := serve(ctx, o, "asof", dir)
	if err != nil {
		return err
	}
	_, err = p.client.ApplyEntity(ctx, &pb.ApplyEntityRequest{Project: project,
		Entity: &core.Entity{Spec: &core.EntitySpecV2{Name: "user", JoinKey: "user_id", ValueType: 2}}})
	for i := 0; i < o.objects && err == nil; i++ {
		_, err = p.client.ApplyFeatureView(ctx, &pb.ApplyFeatureViewRequest{Project: project,
			BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: view(i)}})
	}
	if err == nil {
		_, err = p.client.Commit(ctx, &emptypb.Empty{})
	}
	return errors.Join(err, p.stop())
}

// view is one of the registry's views.
func view(i int) *core.FeatureView {
	v := &core.FeatureView{Spec: &core.FeatureViewSpec{Name: fmt.Sprintf("view%d", i), Entities: []string{"user"},
		EntityColumns: []*core.FeatureSpecV2{{Name: "user_id", ValueType: 2}},
		BatchSource: &core.DataSource{Name: "stats", Type: core.DataSource_BATCH_FILE, TimestampField: "at",
			DataSourceClassType: "feast.infra.offline_stores.file_source.FileSource",
			Options:             &core.DataSource_FileOptions_{FileOptions: &core.DataSource_FileOptions{Uri: "stats.parquet"}}}}}
	for j := range 10 {
		v.Spec.Features = append(v.Spec.Features, &core.FeatureSpecV2{Name: fmt.Sprintf("feature_%d", j), ValueType: 5})
	}
	return v
}

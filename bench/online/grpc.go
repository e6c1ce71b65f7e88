package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	servingpb "github.com/asof-dev/asof/feastpb/serving"
	typespb "github.com/asof-dev/asof/feastpb/types"
)

// overGRPC are the cells in which gRPC is held against HTTP.
var overGRPC = []cell{{6, 1, 8}, {6, 100, 8}, {50, 1, 8}}

// measureGRPC compares what a request costs our server over gRPC and over HTTP,
// in CPU time: a client of gRPC costs more than the one for HTTP here, on the
// same cores, so that rates would measure that. Callers have a connection each
// over HTTP, and one together over gRPC.
func measureGRPC(o options, s *store) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\ngRPC\tfeatures\tentities\tcallers\tCPU of a request over HTTP\tover gRPC\tto HTTP\t\n")
	for _, c := range overGRPC {
		bodies, err := makeRequests(o, c, []*contender{s.floor, s.ours})
		if err != nil {
			return err
		}
		calls, err := makeCalls(o, c, s.grpc)
		if err != nil {
			return err
		}
		var http, grpc costs
		for range o.turns {
			err := errors.Join(
				http.add(s.ours.pid, func() (int64, error) {
					r, err := load(s.ours.address, bodies[1], c.connections, o.length)
					return int64(r.requests), err
				}),
				grpc.add(s.ours.pid, func() (int64, error) { return call(s.grpc, calls, c.connections, o.length) }))
			if err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "\t%d\t%d\t%d\t%s\t%s\t%.2f\t\n", c.features, c.entities, c.connections, http.each(), grpc.each(),
			float64(grpc.each())/float64(http.each()))
	}
	return w.Flush()
}

// costs is the CPU time that a process has taken for so many requests.
type costs struct {
	cpu      time.Duration
	requests int64
}

func (c *costs) each() time.Duration { return c.cpu / time.Duration(max(1, c.requests)) }

func (c *costs) add(pid int, do func() (int64, error)) error {
	before, err := cpuOf(pid)
	if err != nil {
		return err
	}
	n, err := do()
	after, wrong := cpuOf(pid)
	c.cpu, c.requests = c.cpu+after-before, c.requests+n
	return errors.Join(err, wrong)
}

// cpuOf returns the CPU time of a process, of Linux's statistics, which count
// in hundredths of a second.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	user, err := strconv.Atoi(fields[12])
	system, wrong := strconv.Atoi(fields[13])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, wrong)
}

// call sends the calls of so many callers, each waiting for its answer, over one
// connection, which is how clients of gRPC share it. It returns how many were
// answered.
func call(address string, calls []message, callers int, length time.Duration) (int64, error) {
	conn, err := connect(address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	ctx := context.Background()
	end := time.Now().Add(length)
	errs := make([]error, callers)
	var answered atomic.Int64
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			var answer message
			for i := n; time.Now().Before(end) && errs[n] == nil; i++ {
				errs[n] = conn.Invoke(ctx, servingpb.ServingService_GetOnlineFeatures_FullMethodName, &calls[i%len(calls)], &answer)
				answered.Add(1)
			}
		})
	}
	group.Wait()
	return answered.Load(), errors.Join(errs...)
}

func connect(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(asIs{})))
}

// message is a message as it goes over the wire.
type message []byte

// asIs leaves messages as they are.
type asIs struct{}

func (asIs) Name() string                  { return "proto" }
func (asIs) Marshal(v any) ([]byte, error) { return *v.(*message), nil }
func (asIs) Unmarshal(data []byte, v any) error {
	m := v.(*message)
	*m = append((*m)[:0], data...)
	return nil
}

// makeCalls returns the calls of a cell, the first of which was answered.
func makeCalls(o options, c cell, address string) ([]message, error) {
	random := rand.New(rand.NewPCG(1, uint64(c.entities)))
	calls := make([]message, differentRequests)
	for n := range calls {
		keys := &typespb.RepeatedValue{}
		for range c.entities {
			keys.Val = append(keys.Val, &typespb.Value{Val: &typespb.Value_StringVal{StringVal: userID(random.IntN(o.users))}})
		}
		bytes, err := proto.Marshal(&servingpb.GetOnlineFeaturesRequest{
			Kind:     &servingpb.GetOnlineFeaturesRequest_FeatureService{FeatureService: fmt.Sprintf("of%d", c.features)},
			Entities: map[string]*typespb.RepeatedValue{"user_id": keys}})
		if err != nil {
			return nil, err
		}
		calls[n] = bytes
	}
	return calls, answers(address, &calls[0], c)
}

// answers reports a call that is not answered with a value in every cell.
func answers(address string, asked *message, c cell) error {
	conn, err := connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	var answer message
	if err := conn.Invoke(context.Background(), servingpb.ServingService_GetOnlineFeatures_FullMethodName, asked, &answer); err != nil {
		return err
	}
	var got servingpb.GetOnlineFeaturesResponse
	if err := proto.Unmarshal(answer, &got); err != nil {
		return err
	}
	present := 0
	for _, column := range got.Results {
		for i, s := range column.Statuses {
			if s == servingpb.FieldStatus_PRESENT && column.Values[i].Val != nil {
				present++
			}
		}
	}
	if want := (c.features + 1) * c.entities; present != want {
		return fmt.Errorf("gRPC answers %d values instead of %d", present, want)
	}
	return nil
}

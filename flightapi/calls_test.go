package flightapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

const trips = `{"command_id": "%s", "api": "get_historical_features", "feature_view_names": ["trips_fv"], "name_aliases": [null],
 "feature_refs": ["trips_fv:trips"], "project": "fleet", "full_feature_names": false}`

// sender is the side of a call on which a client sends.
type sender interface {
	Send(*flight.FlightData) error
	CloseSend() error
}

// sendRows sends rows so many times under a command.
func sendRows(t *testing.T, stream sender, command string, rows arrow.RecordBatch, times int) {
	t.Helper()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(rows.Schema()))
	w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(command)})
	for range times {
		if err := w.Write(rows); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil && !errors.Is(err, io.EOF) { // the server may have ended the call
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

// exchange asks in one call, and returns how many rows came back.
func exchange(t *testing.T, client flight.Client, command string, rows arrow.RecordBatch, times int) (int64, error) {
	t.Helper()
	stream, err := client.DoExchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sendRows(t, stream, command, rows, times)
	return count(stream)
}

func count(stream flight.DataStreamReader) (n int64, err error) {
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	for r.Next() {
		n += r.RecordBatch().NumRows()
	}
	return n, r.Err()
}

// put sends rows, and returns what the server says of them.
func put(t *testing.T, client flight.Client, command string, rows arrow.RecordBatch, times int) error {
	t.Helper()
	stream, err := client.DoPut(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sendRows(t, stream, command, rows, times)
	if _, err = stream.Recv(); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func fetch(t *testing.T, client flight.Client, command string) (int64, error) {
	t.Helper()
	info, err := client.GetFlightInfo(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(command)})
	if err != nil {
		return 0, err
	}
	stream, err := client.DoGet(t.Context(), info.Endpoint[0].Ticket)
	if err != nil {
		return 0, err
	}
	return count(stream)
}

// says checks the status of an error, and the class that the SDK raises.
func says(t *testing.T, err error, class, what string) {
	t.Helper()
	want := `Flight error: {"module":"feast.errors","class":"` + class + `","message":`
	if s := status.Convert(err); s.Code() != codes.Unknown || !strings.HasPrefix(s.Message(), want) || !strings.Contains(s.Message(), what) {
		t.Errorf("error %v, want a %s that says %s", err, class, what)
	}
}

// Rows that are more than a call may hold wait on the disk, and leave nothing
// there.
func TestUploadsGoToDisk(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	o := fleet(t)
	rows := drivers(10, "")
	defer rows.Release()
	for _, o.Memory = range []int64{1, 1000, 1 << 30} {
		client := dial(t, start(t, o))
		if n, err := exchange(t, client, fmt.Sprintf(trips, "a"), rows, 70); n != 700 || err != nil {
			t.Errorf("with %d bytes: %d rows, %v", o.Memory, n, err)
		}
		if err := put(t, client, fmt.Sprintf(trips, "b"), rows, 70); err != nil {
			t.Fatal(err)
		}
		if n, err := fetch(t, client, fmt.Sprintf(trips, "b")); n != 700 || err != nil {
			t.Errorf("with %d bytes, put: %d rows, %v", o.Memory, n, err)
		}
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Setenv("TMPDIR", filepath.Join(temp, "gone"))
	o.Memory = 1
	client := dial(t, start(t, o))
	_, err := exchange(t, client, fmt.Sprintf(trips, "c"), rows, 2)
	says(t, err, "FeastError", "too many for memory")
}

// What was put and never fetched goes: after a while, where there is too much of
// it, and with the server.
func TestHeldCallsEnd(t *testing.T) {
	o := fleet(t)
	o.Held, o.Hold = 2, 300*time.Millisecond
	client := dial(t, start(t, o))
	rows := drivers(3, "")
	defer rows.Release()
	for _, id := range []string{"a", "b", "a"} { // a second a takes the place of the first
		if err := put(t, client, fmt.Sprintf(trips, id), rows, 1); err != nil {
			t.Fatal(err)
		}
	}
	says(t, put(t, client, fmt.Sprintf(trips, "c"), rows, 1), "FeastError", "2 calls were put")
	if n, err := fetch(t, client, fmt.Sprintf(trips, "a")); n != 3 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	_, err := fetch(t, client, fmt.Sprintf(trips, "a"))
	says(t, err, "FeastObjectNotFoundException", "fetched already")
	deadline := time.Now().Add(10 * time.Second)
	for n := 1; n > 0; {
		if n = len(flights(t, client)); time.Now().After(deadline) {
			t.Fatalf("%d calls are held still", n)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := put(t, client, fmt.Sprintf(trips, "d"), rows, 1); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

func flights(t *testing.T, client flight.Client) (list []*flight.FlightInfo) {
	t.Helper()
	stream, err := client.ListFlights(t.Context(), &flight.Criteria{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		info, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, info)
	}
}

// Clients that go away in the middle of their answers leave no memory, no
// question that runs on, and nobody waiting.
func TestAbandonedCalls(t *testing.T) {
	o := fleet(t)
	o.Queries = 2
	client := dial(t, start(t, o))
	rows := drivers(50_000, "")
	defer rows.Release()
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, goroutines := used(), runtime.NumGoroutine()
	for i := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.DoExchange(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w := flight.NewRecordWriter(stream, ipc.WithSchema(rows.Schema()))
		w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: fmt.Appendf(nil, trips, "x")})
		for range 1 + i%3 {
			if err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 { // the others go away before they have sent all
			_ = stream.CloseSend()
			_, _ = stream.Recv()
		}
		cancel()
	}
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > goroutines+5 || used() > before+16<<20 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d MiB more than before", runtime.NumGoroutine()-goroutines, (used()-before)>>20)
		}
		time.Sleep(50 * time.Millisecond)
	}
	few := drivers(3, "")
	defer few.Release()
	if n, err := exchange(t, client, fmt.Sprintf(trips, "y"), few, 1); n != 3 || err != nil {
		t.Errorf("afterwards: %d rows, %v", n, err)
	}
}

// Every call needs a token, and what it reads and writes a permission, which is
// asked for before anything is done.
func TestCallsNeedATokenAndAPermission(t *testing.T) {
	o := fleet(t)
	registry := o.Registry.(*memory.Registry)
	for action, role := range map[core.PermissionSpec_AuthzedAction]string{core.PermissionSpec_READ_OFFLINE: "reader", core.PermissionSpec_WRITE_OFFLINE: "writer"} {
		spec := &core.PermissionSpec{Name: role, Actions: []core.PermissionSpec_AuthzedAction{action},
			Types:  []core.PermissionSpec_Type{core.PermissionSpec_FEATURE_VIEW, core.PermissionSpec_DATA_SOURCE},
			Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}
		stored, err := proto.Marshal(&core.Permission{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		granted := &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}}
		if _, err := registry.Apply(t.Context(), "fleet", asof.Change{Put: []asof.Object{granted}}); err != nil {
			t.Fatal(err)
		}
	}
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	o.Guard = guard
	address := start(t, o)
	as := func(roles ...string) flight.Client {
		return dial(t, address, grpc.WithStreamInterceptor(func(ctx context.Context, d *grpc.StreamDesc, conn *grpc.ClientConn, method string, next grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			return next(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+issuer.Token(map[string]any{"roles": roles})), d, conn, method, options...)
		}))
	}
	rows := drivers(3, "trips")
	defer rows.Release()
	asked := drivers(3, "")
	defer asked.Release()
	batch := `{"api": "offline_write_batch", "feature_view_names": ["trips_fv"], "name_aliases": [null], "progress": null}`
	pull := `{"api": "pull_latest_from_table_or_query", "data_source_name": "trips", "join_key_columns": ["driver_id"], "feature_name_columns": ["trips"],
 "timestamp_field": "event_timestamp", "created_timestamp_column": null, "start_date": null, "end_date": null}`
	nobody := dial(t, address)
	for _, err := range []error{
		func() error { _, err := exchange(t, nobody, pull, rows, 1); return err }(),
		put(t, nobody, batch, rows, 1),
		func() error { _, err := fetch(t, nobody, pull); return err }(),
	} {
		if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "the request has no token") {
			t.Errorf("without a token: %v", err)
		}
	}
	for _, command := range []string{pull, fmt.Sprintf(trips, "a")} {
		_, err = exchange(t, as("writer"), command, asked, 1)
		says(t, err, "FeastPermissionError", "asks for role reader")
		if n, err := exchange(t, as("reader"), command, asked, 1); n == 0 || err != nil {
			t.Errorf("a reader: %d rows, %v", n, err)
		}
	}
	says(t, put(t, as("reader"), batch, rows, 1), "FeastPermissionError", "asks for role writer")
	if n, err := exchange(t, as("reader"), pull, asked, 1); n != 5 || err != nil {
		t.Errorf("%d rows, %v: something was written", n, err)
	}
	if err := put(t, as("writer"), batch, rows, 1); err != nil {
		t.Errorf("a writer: %v", err)
	}
}

// What no client of Feast's sends is refused in a sentence.
func TestStrangeCalls(t *testing.T) {
	client := dial(t, start(t, fleet(t)))
	rows := drivers(1, "")
	defer rows.Release()
	for command, want := range map[string]string{
		``:                     "cannot be read",
		`[1]`:                  "cannot be read",
		`{"api": 7}`:           "cannot be read",
		`{}`:                   "names no api",
		`{"api": "__class__"}`: "there is no api",
		`{"api": "validate_data_source", "data_source_proto": "{}"}`:                              "send it by DoPut",
		`{"api": "get_table_column_names_and_types_from_data_source", "data_source_proto": "no"}`: "cannot be read",
		strings.Replace(fmt.Sprintf(trips, "a"), `[null]`, `[]`, 1):                               "0 name_aliases",
		strings.Replace(fmt.Sprintf(trips, "a"), `false`, `false, "end_date": "soon"`, 1):         "is not a time",
	} {
		_, err := exchange(t, client, command, rows, 1)
		says(t, err, "FeastError", want)
	}
	stream, err := client.DoExchange(t.Context())
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	says(t, err, "FeastError", "cannot be read")
	_, err = client.GetSchema(t.Context(), &flight.FlightDescriptor{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("GetSchema: %v", err)
	}
}

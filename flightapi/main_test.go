package flightapi_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/flightapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// start serves until the test ends, and returns where.
func start(tb testing.TB, o flightapi.Options) string {
	tb.Helper()
	return storetest.Serve(tb, func(ctx context.Context, l net.Listener) error { return flightapi.Serve(ctx, l, o) })
}

// dial connects a client.
func dial(tb testing.TB, address string, options ...grpc.DialOption) flight.Client {
	tb.Helper()
	client, err := flight.NewClientWithMiddleware(address, nil, nil, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	return client
}

// fleet is a project in memory: drivers' trips, by the hour.
func fleet(tb testing.TB) flightapi.Options {
	tb.Helper()
	store := memory.NewOffline()
	tb.Cleanup(func() { store.Close() })
	rows := drivers(5, "trips")
	store.Put("trips", rows)
	rows.Release()
	source := &asof.DataSource{Name: "trips", Kind: asof.SourcePostgres, Table: "trips", TimestampField: "event_timestamp"}
	view := &asof.FeatureView{Name: "trips_fv", Kind: asof.ViewPlain, Entities: []string{"driver"}, EntityColumns: []asof.Field{{Name: "driver_id", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.Field{{Name: "trips", Type: asof.Scalar(asof.TypeInt64)}}, Source: source, Online: true, Enabled: true}
	driver := &asof.Entity{Name: "driver", JoinKey: "driver_id", ValueType: asof.TypeInt64}
	registry := memory.NewRegistry(time.Now)
	if _, err := registry.Apply(tb.Context(), "fleet", asof.Change{Put: []asof.Object{&asof.Project{Name: "fleet"}, driver, source, view}}); err != nil {
		tb.Fatal(err)
	}
	return flightapi.Options{Registry: registry, Project: "fleet", Store: store, Dir: tb.TempDir()}
}

// drivers makes rows of n drivers, whose numbers are their values too.
func drivers(n int, value string) arrow.RecordBatch {
	fields := []arrow.Field{{Name: "driver_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "event_timestamp", Type: asof.Timestamp}}
	if value != "" {
		fields = append(fields, arrow.Field{Name: value, Type: arrow.PrimitiveTypes.Int64})
	}
	b := array.NewRecordBuilder(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
		if value != "" {
			b.Field(2).(*array.Int64Builder).Append(int64(i))
		}
	}
	return b.NewRecordBatch()
}

// runFile runs the script named by its first argument as Python would.
const runFile = `
import runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
`

// checks sees that a script has made its checks, to the last.
func checks(t *testing.T, printed string, atLeast int, last string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if len(lines) < atLeast || lines[len(lines)-1] != last {
		t.Errorf("the script made %d checks, want %d or more; it printed\n%s", len(lines), atLeast, printed)
	}
}

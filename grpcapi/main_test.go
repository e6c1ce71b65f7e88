package grpcapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const project = "shop"

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

// visits is a view of two entities with features of many types; tags one of an
// entity whose key is bytes.
var (
	user   = &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString}
	shop   = &asof.Entity{Name: "shop", JoinKey: "shop_id", ValueType: asof.TypeInt64}
	tag    = &asof.Entity{Name: "tag", JoinKey: "tag_id", ValueType: asof.TypeBytes}
	visits = &asof.FeatureView{Name: "visits", Entities: []string{"user", "shop"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString), field("shop_id", asof.TypeInt64)},
		Features: []asof.Field{field("count", asof.TypeInt32), field("name", asof.TypeString), field("share", asof.TypeFloat32),
			field("days", asof.TypeInt64List), field("seen", asof.TypeUnixTimestamp)}}
	tags = &asof.FeatureView{Name: "tags", Entities: []string{"tag"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("tag_id", asof.TypeBytes)}, Features: []asof.Field{field("weight", asof.TypeFloat64)}}
)

const (
	visitRows = `[
		{"user_id": "ann", "shop_id": 7, "event_timestamp": "2024-01-31T00:00:00.000123Z", "count": -5, "name": "Ann é 😀", "share": 0.1, "days": [1, -2], "seen": "1969-12-31T23:59:59Z"},
		{"user_id": "ann", "shop_id": 1234567890123, "event_timestamp": "1969-12-31T23:59:59.5Z"}]`
	tagRows = `[{"tag_id": "AP8=", "event_timestamp": "2024-01-31T00:00:00Z", "weight": 2.5}]`
)

// newReader returns a reader of a project with the rows above.
// sent is an on-demand view that gives back what a request sends.
var sent = &asof.OnDemandFeatureView{Name: "sent", Mode: "pandas", Enabled: true,
	Features: []asof.Field{{Name: "half", Type: asof.Scalar(asof.TypeFloat64)}, {Name: "other", Type: asof.Scalar(asof.TypeBool)}, {Name: "vector", Type: asof.Scalar(asof.TypeFloat32List)}},
	Function: &asof.Function{Name: "sent", Mode: "pandas", Text: "def sent(df):\n    return pd.DataFrame({'half': df['number'] / 2, 'other': ~df['yes'], 'vector': df['list']})\n"},
	Sources: []asof.OnDemandSource{{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{
		{Name: "number", Type: asof.Scalar(asof.TypeFloat64)}, {Name: "yes", Type: asof.Scalar(asof.TypeBool)}, {Name: "list", Type: asof.Scalar(asof.TypeFloat32List)}}}}}}

func newReader(tb testing.TB) *serving.Reader {
	tb.Helper()
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	before := *visits
	before.Features = visits.Features[1:]
	for _, v := range []*asof.FeatureView{&before, visits} { // so that it is of a second version
		if _, err := registry.Apply(tb.Context(), project, asof.Change{Put: []asof.Object{user, shop, tag, v, tags, sent}}); err != nil {
			tb.Fatal(err)
		}
	}
	write(tb, store, visits, visitRows)
	write(tb, store, tags, tagRows)
	return readerOf(tb, registry, store)
}

func readerOf(tb testing.TB, registry asof.Registry, store asof.OnlineStore) *serving.Reader {
	tb.Helper()
	reader, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project, MaxEntities: 1000})
	if err != nil {
		tb.Fatal(err)
	}
	return reader
}

func write(tb testing.TB, store asof.OnlineStore, v *asof.FeatureView, rows string) {
	tb.Helper()
	var fields []arrow.Field
	for _, k := range v.EntityColumns {
		fields = append(fields, arrow.Field{Name: k.Name, Type: k.Type.Arrow()})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp}, arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Release()
	if err := store.Update(tb.Context(), project, []*asof.FeatureView{v}, nil); err != nil {
		tb.Fatal(err)
	}
	if _, err := store.Write(tb.Context(), project, v, b); err != nil {
		tb.Fatal(err)
	}
}

// start serves until the test ends, and returns where.
func start(tb testing.TB, o grpcapi.Options) string {
	tb.Helper()
	return storetest.Serve(tb, func(ctx context.Context, l net.Listener) error { return grpcapi.Serve(ctx, l, o) })
}

func dial(tb testing.TB, address string) *grpc.ClientConn {
	tb.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return conn
}

// BenchmarkOnline reads ten features of so many entities through a connection;
// the allocations are those of server and client together.
func BenchmarkOnline(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := &asof.FeatureView{Name: "wide", Entities: []string{"user"}, Online: true, Enabled: true, EntityColumns: []asof.Field{field("user_id", asof.TypeString)}}
			var references, keys []string
			for i := range 10 {
				v.Features = append(v.Features, field(fmt.Sprintf("f%d", i), asof.TypeFloat64))
				references = append(references, fmt.Sprintf("wide:f%d", i))
			}
			var rows bytes.Buffer
			for i := range n {
				fmt.Fprintf(&rows, `%c{"user_id":"%d","event_timestamp":"2024-01-31T00:00:00Z","f0":%d,"f9":0.5}`, "[,"[min(i, 1)], i, i)
				keys = append(keys, fmt.Sprint(i))
			}
			registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
			if _, err := registry.Apply(b.Context(), project, asof.Change{Put: []asof.Object{user, v}}); err != nil {
				b.Fatal(err)
			}
			write(b, store, v, rows.String()+"]")
			conn := dial(b, start(b, grpcapi.Options{Reader: readerOf(b, registry, store)}))
			message := encoded(b, ask(references, "user_id", texts(keys...)))
			b.ReportAllocs()
			for b.Loop() {
				if err := conn.Invoke(b.Context(), servingpb.ServingService_GetOnlineFeatures_FullMethodName, message, new(raw), forceRaw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package serving_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const project = "shop"

// now is the time of every read: noon of the fifth of January 2024.
var now = time.Date(2024, 1, 5, 12, 0, 0, 0, time.UTC)

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

func day(n int) *time.Duration {
	d := time.Duration(n) * 24 * time.Hour
	return &d
}

// userView is a view of the entity user, whose join key is user_id.
func userView(name string, ttl *time.Duration, features ...asof.Field) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"}, TTL: ttl,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString)}, Features: features, Online: true, Enabled: true}
}

// shop is a project with its rows in a store.
type shop struct {
	*testing.T
	registry *memory.Registry
	store    *counting
	reader   *serving.Reader
}

// counting counts the round trips.
type counting struct {
	asof.OnlineStore
	reads atomic.Int64
	keys  atomic.Int64
}

func (c *counting) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	c.reads.Add(1)
	for _, r := range readings {
		c.keys.Add(int64(len(r.Keys)))
	}
	return c.OnlineStore.Read(ctx, project, readings)
}

var (
	profile = userView("profile", nil, field("age", asof.TypeInt64), field("fee", asof.TypeFloat32), field("name", asof.TypeString), field("senior", asof.TypeBool))
	usage   = userView("usage", day(2), field("hours", asof.TypeFloat32), field("age", asof.TypeInt64))
	stores  = &asof.FeatureView{Name: "stores", Entities: []string{"store"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("store_id", asof.TypeInt64)}, Features: []asof.Field{field("rating", asof.TypeFloat64)}}
	visits = &asof.FeatureView{Name: "visits", Entities: []string{"user", "store"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString), field("store_id", asof.TypeInt64)}, Features: []asof.Field{field("visited", asof.TypeInt32)}}
	rates = &asof.FeatureView{Name: "rates", Entities: []string{asof.DummyEntity}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field(asof.DummyJoinKey, asof.TypeString)}, Features: []asof.Field{field("vat", asof.TypeFloat64)}}
)

// loyal is computed when rows are written.
var loyal = &asof.OnDemandFeatureView{Name: "loyal", Mode: "pandas", Enabled: true, WriteToOnline: true, Entities: []string{"user"},
	EntityColumns: []asof.Field{field("user_id", asof.TypeString)}, Features: []asof.Field{field("years", asof.TypeInt64), field("note", asof.TypeString)}}

func objects() []asof.Object {
	offline := userView("offline_only", nil, field("secret", asof.TypeInt64))
	offline.Online = false
	disabled := userView("disabled", nil, field("old", asof.TypeInt64))
	disabled.Enabled = false
	return []asof.Object{
		profile, usage, stores, visits, rates, offline, disabled, loyal,
		&asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString},
		&asof.Entity{Name: "store", JoinKey: "store_id", ValueType: asof.TypeInt64},
		&asof.Entity{Name: asof.DummyEntity, JoinKey: asof.DummyJoinKey, ValueType: asof.TypeString},
		onDemand("computed", "pandas", false, "def computed(df):\n    out = pd.DataFrame()\n    out['sum'] = df['age'] + df['amount']\n    out['big'] = df['fee'] * 2 > 10\n    out['who'] = df['user_id'].str.upper()\n    return out\n",
			field("sum", asof.TypeFloat64), field("big", asof.TypeBool), field("who", asof.TypeString)),
		onDemand("plain", "python", true, "def plain(d):\n    return {'label': str(d['age']) if d['age'] is not None else None}\n", field("label", asof.TypeString)),
		onDemand("windowed", "pandas", false, "def windowed(df):\n    df['x'] = df['age'].rolling(2)\n    return df\n", field("x", asof.TypeFloat64)),
		onDemand("failing", "pandas", false, "def failing(df):\n    df['x'] = df['age'].astype(int)\n    return df\n", field("x", asof.TypeFloat64)),
		&asof.FeatureService{Name: "churn", Projections: []asof.Projection{
			{View: "usage", Features: []asof.Field{field("hours", asof.TypeFloat32)}},
			{View: "profile", Features: []asof.Field{field("fee", asof.TypeFloat32), field("age", asof.TypeInt64)}}}},
		&asof.FeatureService{Name: "pair", Projections: []asof.Projection{
			{View: "profile", Alias: "buyer", Features: []asof.Field{field("name", asof.TypeString)}, JoinKeyMap: map[string]string{"user_id": "buyer_id"}},
			{View: "profile", Alias: "seller", Features: []asof.Field{field("name", asof.TypeString)}, JoinKeyMap: map[string]string{"user_id": "seller_id"}}}},
		&asof.FeatureService{Name: "with_computed", Projections: []asof.Projection{{View: "computed", Alias: "c", Features: []asof.Field{field("sum", asof.TypeFloat64)}}}},
	}
}

// onDemand is an on-demand view of a user's age and fee, and of a request's amount.
func onDemand(name, mode string, singleton bool, text string, features ...asof.Field) *asof.OnDemandFeatureView {
	return &asof.OnDemandFeatureView{Name: name, Mode: mode, Singleton: singleton, Enabled: true, Features: features,
		Function: &asof.Function{Name: name, Text: text, Mode: mode},
		Sources: []asof.OnDemandSource{
			{Name: "profile", View: &asof.Projection{View: "profile", Features: []asof.Field{field("age", asof.TypeInt64), field("fee", asof.TypeFloat32)}}},
			{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{field("amount", asof.TypeFloat64)}}}}}
}

func newShop(t *testing.T, options serving.Options) *shop {
	t.Helper()
	s := &shop{T: t, registry: memory.NewRegistry(nil), store: &counting{OnlineStore: memory.NewOnline(3)}}
	s.apply(objects()...)
	s.update(profile, usage, stores, visits, rates)
	s.write(profile, `[
		{"user_id": "ann", "event_timestamp": "2024-01-01T00:00:00Z", "age": 30, "fee": 45.25, "name": "Ann \"ß\"", "senior": false},
		{"user_id": "bob", "event_timestamp": "2024-01-02T00:00:00.5Z", "age": null, "fee": 0.1, "name": "Bob", "senior": true}]`)
	s.write(usage, `[
		{"user_id": "ann", "event_timestamp": "2024-01-03T12:00:00Z", "hours": 1.5, "age": 1},
		{"user_id": "bob", "event_timestamp": "2024-01-03T11:59:59.999999Z", "hours": 2.5, "age": null}]`)
	s.write(stores, `[{"store_id": 7, "event_timestamp": "2024-01-01T00:00:00Z", "rating": 10}]`)
	s.write(visits, `[{"user_id": "ann", "store_id": 7, "event_timestamp": "2024-01-01T00:00:00Z", "visited": 3}]`)
	s.write(rates, `[{"event_timestamp": "2024-01-01T00:00:00Z", "vat": 0.19}]`)
	stored, err := loyal.Stored()
	if err != nil {
		t.Fatal(err)
	}
	s.update(profile, usage, stores, visits, rates, stored)
	s.write(stored, `[{"user_id": "ann", "event_timestamp": "2024-01-04T00:00:00Z", "years": 3, "note": null}]`)
	options.Registry, options.Online, options.Project = s.registry, s.store, project
	options.Now = func() time.Time { return now }
	reader, err := serving.New(options)
	if err != nil {
		t.Fatal(err)
	}
	s.reader = reader
	return s
}

func (s *shop) apply(put ...asof.Object) {
	s.Helper()
	if _, err := s.registry.Apply(s.Context(), project, asof.Change{Put: put}); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) update(views ...*asof.FeatureView) {
	s.Helper()
	if err := s.store.Update(s.Context(), project, views, nil); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) write(v *asof.FeatureView, rows string) {
	s.Helper()
	b := batch(s.T, v, rows)
	defer b.Release()
	if _, err := s.store.Write(s.Context(), project, v, b); err != nil {
		s.Fatal(err)
	}
}

// batch makes rows of a view from Arrow's JSON.
func batch(t testing.TB, v *asof.FeatureView, rows string) arrow.RecordBatch {
	t.Helper()
	var fields []arrow.Field
	for _, k := range value.Keys(v) {
		fields = append(fields, arrow.Field{Name: k.Name, Type: k.Type.Arrow()})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp}, arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func texts(name string, values ...string) serving.Column {
	c := serving.Column{Name: name}
	for _, v := range values {
		c.Values = append(c.Values, serving.Text(v))
	}
	return c
}

func numbers(name string, values ...string) serving.Column {
	c := serving.Column{Name: name}
	for _, v := range values {
		c.Values = append(c.Values, serving.Number(v))
	}
	return c
}

func features(names ...string) serving.Selection { return serving.Selection{Features: names} }

// read answers with one line a column: name, then value, status and event of
// each row.
func (s *shop) read(sel serving.Selection, entities ...serving.Column) (string, error) {
	s.Helper()
	a, err := s.reader.Read(s.Context(), &serving.Request{Selection: sel, Entities: entities})
	if err != nil {
		return "", err
	}
	defer a.Release()
	return lines(a), nil
}

func lines(a *serving.Answer) string {
	var b strings.Builder
	for c := range a.Columns() {
		b.WriteString(a.Name(c) + ":")
		for row := range a.Rows() {
			b.WriteString(" " + string(value.AppendJSON(nil, a.Value(c, row), value.Plain)))
			b.WriteByte("?PN-X"[a.Status(c, row)])
			if event := a.Event(c, row); event != 0 {
				b.WriteString(time.UnixMicro(event).UTC().Format("02T15"))
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

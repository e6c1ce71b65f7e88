package answerlog_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const project = "shop"

// now is the time of every answer: noon of the fifth of January 2024.
var now = time.Date(2024, 1, 5, 12, 0, 0, 250_000_000, time.UTC)

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

func view(name string, ttl time.Duration, features ...asof.Field) *asof.FeatureView {
	v := &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"}, Online: true, Enabled: true, TTL: &ttl,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString)}, Features: features}
	v.Source = &asof.DataSource{Name: name + "_source", Kind: asof.SourceFile, Path: name + ".parquet", TimestampField: "event_timestamp"}
	return v
}

var (
	profile = view("profile", 0, field("age", asof.TypeInt64), field("fee", asof.TypeFloat32), field("plan", asof.TypeString), field("since", asof.TypeUnixTimestamp),
		field("raw", asof.TypeBytes), field("gold", asof.TypeBool), field("numbers", asof.TypeInt64List), field("days", asof.TypeTimestampList))
	usage  = view("usage", 48*time.Hour, field("hours", asof.TypeFloat64), field("visits", asof.TypeInt32))
	scaled = &asof.OnDemandFeatureView{Name: "scaled", Mode: "pandas", Enabled: true, Features: []asof.Field{field("x", asof.TypeFloat64)},
		Function: &asof.Function{Name: "scaled", Mode: "pandas", Text: "def scaled(df):\n    return df.assign(x=df[\"hours\"] * df[\"factor\"])[[\"x\"]]\n"},
		Sources: []asof.OnDemandSource{{Name: "usage", View: &asof.Projection{View: "usage", Features: []asof.Field{field("hours", asof.TypeFloat64)}}},
			{Name: "asked", Request: &asof.DataSource{Name: "asked", Kind: asof.SourceRequest, Schema: []asof.Field{field("factor", asof.TypeFloat64)}}}}}
)

// logging is a LoggingConfig of a folder.
func logging(path string, rate float32, by ...string) []byte {
	b, err := proto.Marshal(&core.LoggingConfig{SampleRate: rate, Destination: &core.LoggingConfig_FileDestination_{FileDestination: &core.LoggingConfig_FileDestination{Path: path, PartitionBy: by}}})
	if err != nil {
		panic(err)
	}
	return b
}

func objects() []asof.Object {
	hours := []asof.Field{field("hours", asof.TypeFloat64)}
	return []asof.Object{profile, usage, scaled, &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString},
		&asof.FeatureService{Name: "logged", Logging: logging("logs/logged", 1), Projections: []asof.Projection{{View: "profile", Features: profile.Features},
			{View: "usage", Alias: "friend", Features: hours, JoinKeyMap: map[string]string{"user_id": "friend_id"}}, {View: "scaled", Features: scaled.Features}}},
		&asof.FeatureService{Name: "by_day", Logging: logging("logs/by_day", 1, "__log_date"), Projections: []asof.Projection{{View: "usage", Features: hours}}},
		&asof.FeatureService{Name: "beside", Logging: logging("logs/by_day", 1, "__log_date"), Projections: []asof.Projection{{View: "usage", Features: usage.Features}}},
		&asof.FeatureService{Name: "by_mistake", Logging: logging("logs/by_mistake", 1, "town"), Projections: []asof.Projection{{View: "usage", Features: hours}}},
		&asof.FeatureService{Name: "elsewhere", Logging: logging("s3://logs/elsewhere", 1), Projections: []asof.Projection{{View: "usage", Features: hours}}},
		&asof.FeatureService{Name: "unlogged", Projections: []asof.Projection{{View: "usage", Features: usage.Features}}}}
}

// shop serves the objects, and logs what it serves below a folder.
type shop struct {
	*testing.T
	registry *memory.Registry
	store    asof.OnlineStore
	dir      string
	log      *answerlog.Log
	reader   *serving.Reader
}

// open begins a shop whose answers are logged, all of them where the options say
// nothing else.
func open(t *testing.T, o answerlog.Options) *shop {
	t.Helper()
	s := &shop{T: t, registry: memory.NewRegistry(nil), store: memory.NewOnline(3), dir: t.TempDir()}
	s.apply(objects()...)
	if err := s.store.Update(t.Context(), project, []*asof.FeatureView{profile, usage}, nil); err != nil {
		t.Fatal(err)
	}
	s.write(profile, `[
		{"user_id": "ann", "event_timestamp": "2024-01-01T00:00:00.75Z", "age": 30, "fee": 45.25, "plan": "gold", "since": "2020-02-29T12:00:00Z", "raw": "AP8=", "gold": true, "numbers": [1, 2], "days": ["2020-02-29T00:00:00Z"]},
		{"user_id": "bob", "event_timestamp": "2024-01-02T00:00:00Z", "age": null, "fee": 0.5, "plan": "Zoë", "gold": false}]`)
	s.write(usage, `[
		{"user_id": "ann", "event_timestamp": "2024-01-05T00:00:00Z", "hours": 1.5, "visits": 3},
		{"user_id": "bob", "event_timestamp": "2024-01-01T00:00:00Z", "hours": 2.5, "visits": 4}]`)
	o.Dir, o.Folder, o.Flush = s.dir, filepath.Join(s.dir, "answers"), time.Hour
	s.log = answerlog.New(o)
	t.Cleanup(func() { _ = s.log.Close() })
	reader, err := serving.New(serving.Options{Registry: s.registry, Online: s.store, Project: project, Sink: s.log.Sink, Now: func() time.Time { return now }})
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

func (s *shop) write(v *asof.FeatureView, rows string) {
	s.Helper()
	fields := []arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: asof.EventTimestamp, Type: asof.Timestamp}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}}
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		s.Fatal(err)
	}
	defer b.Release()
	if _, err := s.store.Write(s.Context(), project, v, b); err != nil {
		s.Fatal(err)
	}
}

func texts(name string, values ...string) serving.Column {
	c := serving.Column{Name: name}
	for _, v := range values {
		c.Values = append(c.Values, serving.Text(v))
	}
	return c
}

func service(name string) serving.Selection { return serving.Selection{Service: name} }

// ask reads as a server does.
func (s *shop) ask(sel serving.Selection, entities ...serving.Column) {
	s.Helper()
	a, err := s.reader.Read(s.Context(), &serving.Request{Selection: sel, Entities: entities})
	if err != nil {
		s.Fatal(err)
	}
	a.SendFeast(false, func([][]byte, int) {})
	a.Release()
}

// files returns the log files below a folder of the shop.
func (s *shop) files(folder string) (found []string) {
	s.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, folder), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		s.Fatal(err)
	}
	return found
}

// profiles describes what was served of all features of a view.
func (s *shop) profiles(ctx context.Context, v *asof.FeatureView, q asof.ProfileQuery) map[string]asof.Profile {
	s.Helper()
	snapshot, err := s.registry.Snapshot(ctx, project)
	if err != nil {
		s.Fatal(err)
	}
	if q.View.View = v.Name; q.View.Features == nil {
		for _, f := range v.Features {
			q.View.Features = append(q.View.Features, asof.FeatureColumn{Column: f.Name, Output: f.Name, Type: f.Type})
		}
	}
	if q.To.IsZero() {
		q.To = now
	}
	served := answerlog.Served{Snapshot: snapshot, Dir: s.dir, Folder: filepath.Join(s.dir, "answers")}
	list, err := served.Profile(ctx, &q)
	if err != nil {
		s.Fatal(err)
	}
	found := map[string]asof.Profile{}
	for _, p := range list {
		found[p.Feature] = p
	}
	return found
}

// shown returns a value of an answer for comparison.
func shown(a *serving.Answer, column, row int) string {
	return string(value.AppendJSON(nil, a.Value(column, row), value.Plain))
}

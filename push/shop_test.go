package push_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/value"
)

const project = "shop"

// now is when all rows are written.
var now = time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

var (
	history = &asof.DataSource{Name: "history", Kind: asof.SourceFile, Path: "clicks.parquet", TimestampField: "at", CreatedField: "loaded",
		FieldMapping: map[string]string{"n_clicks": "clicks", "uid": "user_id"}}
	clicked = &asof.DataSource{Name: "clicked", Kind: asof.SourcePush, Batch: history}
	clicks  = &asof.FeatureView{Name: "clicks", Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: []asof.Field{field("user_id", asof.TypeString)},
		Features: []asof.Field{field("clicks", asof.TypeInt32), field("share", asof.TypeFloat32)}, Source: history, Stream: clicked, Online: true, Enabled: true}
	lasting = &asof.FeatureView{Name: "lasting", Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: []asof.Field{field("user_id", asof.TypeString)},
		Features: []asof.Field{field("share", asof.TypeFloat64)}, Source: history, Stream: clicked, Online: true, Enabled: true}
	unserved = &asof.FeatureView{Name: "unserved", Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: []asof.Field{field("user_id", asof.TypeString)},
		Features: []asof.Field{field("share", asof.TypeFloat64)}, Source: history, Stream: &asof.DataSource{Name: "kept", Kind: asof.SourcePush, Batch: history}, Enabled: true}
	types = &asof.FeatureView{Name: "types", Kind: asof.ViewPlain, Entities: []string{"user", "shop"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString), field("shop", asof.TypeInt64)},
		Features: []asof.Field{field("i32", asof.TypeInt32), field("f64", asof.TypeFloat64), field("yes", asof.TypeBool), field("name", asof.TypeString),
			field("raw", asof.TypeBytes), field("since", asof.TypeUnixTimestamp), field("list", asof.TypeFloat32List), field("set", asof.TypeInt64Set),
			field("map", asof.TypeMap), field("doc", asof.TypeJSON), field("id", asof.TypeUUID), field("created", asof.TypeString)},
		Source: &asof.DataSource{Name: "types_source", Kind: asof.SourceFile, Path: "t.parquet", TimestampField: "event_timestamp"}}
	rates = &asof.FeatureView{Name: "rates", Entities: []string{asof.DummyEntity}, EntityColumns: []asof.Field{field(asof.DummyJoinKey, asof.TypeString)},
		Features: []asof.Field{field("vat", asof.TypeFloat64)}, Online: true, Enabled: true}
	loyal = &asof.OnDemandFeatureView{Name: "loyal", Mode: "pandas", Enabled: true, WriteToOnline: true, Entities: []string{"user"},
		EntityColumns: []asof.Field{field("user_id", asof.TypeString)}, Features: []asof.Field{field("score", asof.TypeFloat64)},
		Function: &asof.Function{Name: "loyal", Mode: "pandas", Text: "def loyal(df):\n    out = pd.DataFrame()\n    out['score'] = df['clicks'] * df['weight']\n    return out\n"},
		Sources: []asof.OnDemandSource{
			{Name: "clicks", View: &asof.Projection{View: "clicks", Features: []asof.Field{field("clicks", asof.TypeInt32)}}},
			{Name: "weights", Request: &asof.DataSource{Name: "weights", Kind: asof.SourceRequest, Schema: []asof.Field{field("weight", asof.TypeFloat64)}}}}}
	fleeting = &asof.OnDemandFeatureView{Name: "fleeting", Mode: "pandas", Enabled: true, Features: []asof.Field{field("x", asof.TypeFloat64)}}
)

// bench is a project whose stores are in memory.
type bench struct {
	*testing.T
	*push.Pusher
}

func newBench(t *testing.T) *bench {
	t.Helper()
	registry := memory.NewRegistry(nil)
	objects := []asof.Object{&asof.Project{Name: project}, clicks, lasting, unserved, types, rates, loyal, fleeting, history, clicked,
		&asof.DataSource{Name: "idle", Kind: asof.SourcePush}}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: objects}); err != nil {
		t.Fatal(err)
	}
	store := memory.NewOnline(3)
	if err := store.Update(t.Context(), project, []*asof.FeatureView{clicks, lasting, types, rates}, nil); err != nil {
		t.Fatal(err)
	}
	return &bench{t, &push.Pusher{Project: project, Registry: registry, Online: store, Programs: &ondemand.Programs{}, Now: func() time.Time { return now }}}
}

// columns reads {"name": [value, …], …}.
func columns(t *testing.T, text string) []push.Column {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var list []push.Column
	for _, err := d.Token(); d.More(); {
		if err != nil {
			t.Fatal(err)
		}
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var cells []json.RawMessage
		if err := d.Decode(&cells); err != nil {
			t.Fatal(err)
		}
		c := push.Column{Name: name.(string), JSON: []string{}}
		for _, cell := range cells {
			c.JSON = append(c.JSON, string(cell))
		}
		list = append(list, c)
	}
	return list
}

func (b *bench) view(name, rows string) error {
	b.Helper()
	target, err := b.View(b.Context(), name, true)
	if err != nil {
		return err
	}
	return target.Write(b.Context(), columns(b.T, rows))
}

func (b *bench) source(name, rows string) error {
	b.Helper()
	target, err := b.Source(b.Context(), name, push.Online)
	if err != nil {
		return err
	}
	return target.Write(b.Context(), columns(b.T, rows))
}

// holds compares what the store has of a key: its event time, and its values as
// JSON.
func (b *bench) holds(v *asof.FeatureView, want string, key ...entitykey.Value) {
	b.Helper()
	var names []string
	for _, k := range value.Keys(v) {
		names = append(names, k.Name)
	}
	encoder, err := entitykey.NewEncoder(3, names...)
	if err != nil {
		b.Fatal(err)
	}
	bytes, err := encoder.Append(nil, key...)
	if err != nil {
		b.Fatal(err)
	}
	r := &asof.Reading{View: v, Features: v.FeatureNames(), Keys: [][]byte{bytes}}
	if err := b.Online.Read(b.Context(), project, []*asof.Reading{r}); err != nil {
		b.Fatal(err)
	}
	got := "nothing"
	if r.Found[0] {
		got = time.UnixMicro(r.Events[0]).UTC().Format(time.RFC3339Nano)
		for i, f := range v.Features {
			got += fmt.Sprintf(" %s=%s", f.Name, value.AppendJSON(nil, r.Value(i, 0), value.Plain))
		}
	}
	if got != want {
		b.Errorf("%s of %v holds %s, want %s", v.Name, key, got, want)
	}
}

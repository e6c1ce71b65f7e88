package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

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

func TestPushReachesEveryViewOfASource(t *testing.T) {
	b := newBench(t)
	if err := b.source("clicked", `{"user_id": ["ann", "bob"], "clicks": [3, "4"], "share": [0.1, 1], "other": [1, 2],
		"event_timestamp": ["2024-05-01T10:00:00", "2024-05-01 12:00:00+02:00"], "created": ["2024-05-01T10:00:01", null]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.1", entitykey.String("ann"))
	b.holds(lasting, "2024-05-01T10:00:00Z share=0.1", entitykey.String("ann"))
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=4 share=1.0", entitykey.String("bob"))
	// The source's own names. An older event changes nothing, and of one time the later created counts.
	if err := b.source("clicked", `{"uid": ["ann", "ann", "bob"], "n_clicks": [9, 5, 8], "share": [0.9, 0.5, 0.8],
		"at": ["2024-04-01", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"], "loaded": ["2024-05-02", "2024-05-02", "2024-04-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=5 share=0.5", entitykey.String("ann"))
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=4 share=1.0", entitykey.String("bob")) // created now, where it was not said
	for _, empty := range []string{`{}`, `{"user_id": [], "clicks": []}`} {
		if err := b.source("clicked", empty); err != nil {
			t.Errorf("%s: %v", empty, err)
		}
	}
}

func TestEveryTypeOfValue(t *testing.T) {
	b := newBench(t)
	if err := b.view("types", `{"user_id": ["Ann ß", "nil"], "shop": [9007199254740993, "7"], "i32": [-5, null], "f64": [0.1, "NaN"], "yes": [true, 0],
		"name": ["a \"ß\" 😀", null], "raw": ["AP8=", ""], "since": [1582977600, "2020-02-29T12:00:00Z"], "list": [[0.1, 2], []],
		"set": [[3, 1, 3], null], "map": [{"a": 1}, "{\"b\": \"x\"}"], "doc": ["{\"k\": [1]}", {"k": 2}],
		"id": ["6BA7B810-9DAD-11D1-80B4-00C04FD430C8", null], "created": ["a feature", "so called"],
		"event_timestamp": ["2024-05-01T10:00:00.0000001", "2024-05-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(types, `2024-05-01T10:00:00.000001Z i32=-5 f64=0.1 yes=true name="a \"ß\" 😀" raw="AP8=" since="2020-02-29T12:00:00Z" list=[0.1,2.0] set=[3,1] map={"a":1} doc={"k":[1]} id="6ba7b810-9dad-11d1-80b4-00c04fd430c8" created="a feature"`,
		entitykey.String("Ann ß"), entitykey.Int64(9007199254740993))
	b.holds(types, `2024-05-01T00:00:00Z i32=null f64="NaN" yes=false name=null raw="" since="2020-02-29T12:00:00Z" list=[] set=null map={"b":"x"} doc={"k":2} id=null created="so called"`,
		entitykey.String("nil"), entitykey.Int64(7))
	if err := b.view("rates", `{"vat": [0.2], "event_timestamp": ["2024-01-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(rates, "2024-01-01T00:00:00Z vat=0.2")
}

func TestOnDemandViewsAreComputedWhenWritten(t *testing.T) {
	b := newBench(t)
	stored, err := loyal.Stored()
	if err != nil {
		t.Fatal(err)
	}
	// The store was not made ready for the view: a client has registered it.
	if err := b.view("loyal", `{"user_id": ["ann", "bob"], "clicks": [3, null], "weight": [0.5, 2]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:00:00Z score=1.5", entitykey.String("ann"))
	b.holds(stored, "2024-06-01T12:00:00Z score=null", entitykey.String("bob"))
	now = now.Add(time.Hour)
	defer func() { now = now.Add(-time.Hour) }()
	// Feast's SDK computes before it sends.
	if err := b.view("loyal", `{"user_id": ["ann"], "score": [7], "event_timestamp": ["2024-06-01T12:30:00"], "created": ["2024-06-01T12:30:00"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:30:00Z score=7.0", entitykey.String("ann"))
	if err := b.view("loyal", `{"user_id": ["bob", "bob", "eve", "eve"], "score": [7, 8], "event_timestamp": ["2024-06-01T12:30:00", "2024-06-01T12:30:00"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:30:00Z score=8.0", entitykey.String("eve"))
	if err := b.view("loyal", `{"user_id": ["bob", "eve", "eve", "eve"], "score": [7, 8]}`); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("keys that are no pairs: %v", err)
	}
	target, err := b.View(t.Context(), "loyal", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), columns(t, `{"user_id": ["ann"], "clicks": [3], "weight": [0.5], "score": [8]}`)); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T13:00:00Z score=8.0", entitykey.String("ann"))
}

func TestMistakesNameTheirPlaceAndWriteNothing(t *testing.T) {
	b := newBench(t)
	row := func(change ...string) string {
		r := strings.NewReplacer(change...)
		return r.Replace(`{"user_id": ["ann", "bob"], "clicks": [1, 2], "share": [0.1, 0.2], "event_timestamp": ["2024-05-01", "2024-05-02"]}`)
	}
	for _, c := range []struct{ rows, want string }{
		{row(" 2]", `"two"]`), `row 2, column "clicks": "two" does not fit Int32, the type of feature "clicks" of feature view "clicks"`},
		{row(" 2]", `2147483648]`), `row 2, column "clicks": 2147483648 does not fit Int32`},
		{row(" 2]", `1.5]`), `row 2, column "clicks": 1.5 does not fit Int32`},
		{row("0.2]", `"`+strings.Repeat("ß", 100)+`"]`), `row 2, column "share": "` + strings.Repeat("ß", 59) + `… does not fit Float32`},
		{row("0.2]", `{"a":1}]`), `row 2, column "share": {"a":1} does not fit Float32`},
		{row(`"bob"`, `null`), `row 2, column "user_id": null is no value of join key "user_id" of feature view "clicks"`},
		{row(`"2024-05-02"`, `null`), `row 2, column "event_timestamp": null is no time for the event timestamp of feature view "clicks"`},
		{row(`"2024-05-02"`, `"today"`), `row 2, column "event_timestamp": "today" is no time for the event timestamp of feature view "clicks"; write 2024-01-31T12:00:00, in UTC where it has no zone`},
		{row(`"2024-05-02"`, `1714608000000`), `row 2, column "event_timestamp": 1714608000000 is no time`},
		{row(`"event_timestamp"`, `"when"`), `column "at", the event timestamp of feature view "clicks", is missing: the rows have only user_id, clicks, share, when`},
		{row(`"clicks"`, `"klicks"`), `feature "clicks" of feature view "clicks" is missing: the rows have only user_id, klicks, share, event_timestamp`},
		{row(`"user_id"`, `"user"`), `join key "user_id" of feature view "clicks" is missing`},
		{row("[1, 2]", "[1]"), `column "user_id" has 2 values and column "clicks" has 1; every row needs one in each`},
		{row(`"share"`, `"clicks"`), `column "clicks" is there twice`},
		{row(`}`, `, "created": ["x", null]}`), `row 1, column "created": "x" is no time for the created timestamp of feature view "clicks"`},
	} {
		err := b.source("clicked", c.rows)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %s: %v, want %s", c.rows, asof.ErrorCode(err), err, c.want)
		}
		b.holds(clicks, "nothing", entitykey.String("ann"))
		b.holds(lasting, "nothing", entitykey.String("ann"))
	}
	if err := b.view("loyal", `{"user_id": ["ann"], "clicks": [1]}`); asof.ErrorCode(err) != asof.CodeInvalid ||
		!strings.Contains(err.Error(), `"weight", which on-demand feature view "loyal" is computed from, is missing`) {
		t.Error(err)
	}
	lists := *types
	lists.Name, lists.Features = "lists", []asof.Field{field("list", asof.TypeFloat32List), field("raw", asof.TypeBytes)}
	if _, err := b.Registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{&lists}}); err != nil {
		t.Fatal(err)
	}
	for cells, want := range map[string]string{
		`"list": [[1], [1, null]], "raw": ["", ""]`: `row 2, column "list", feature "list" of feature view "lists": element 2 of the list is NULL`,
		`"list": [[1], 5], "raw": ["", ""]`:         `row 2, column "list": 5 does not fit Array(Float32)`,
		`"list": [[], []], "raw": ["", "*"]`:        `row 2, column "raw": "*", which is no base64, does not fit Bytes`,
		`"list": [[], []], "raw": ["", 5]`:          `row 2, column "raw": 5 does not fit Bytes`,
	} {
		err := b.view("lists", `{"user_id": ["a", "b"], "shop": [1, 2], "event_timestamp": ["2024-01-01", "2024-01-01"], `+cells+`}`)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", cells, err, want)
		}
	}
}

func TestTargetsThatThereAreNot(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		err  error
		code asof.Code
		kind error
		want string
	}{
		{b.source("click", `{}`), asof.CodeNotFound, push.ErrNoSource, `push source "click" does not exist in project "shop"; did you mean "clicked"?`},
		{b.source("nothing", `{}`), asof.CodeNotFound, push.ErrNoSource, `"nothing" does not exist in project "shop"; known: clicked, idle`},
		{b.source("idle", `{}`), asof.CodeNotFound, push.ErrNoSource, `no feature view reads push source "idle"`},
		{b.source("history", `{}`), asof.CodeNotFound, push.ErrNoSource, `"history" is a file source, and rows are pushed to push sources`},
		{b.source("kept", `{}`), asof.CodeInvalid, nil, `push source "kept" feeds "unserved", which has online=False: push to "offline"`},
		{b.view("clik", `{}`), asof.CodeNotFound, nil, `feature view "clik" does not exist`},
		{b.view("unserved", `{}`), asof.CodeInvalid, nil, `online=False`},
		{b.view("fleeting", `{}`), asof.CodeInvalid, nil, `"fleeting" has write_to_online_store=False`},
	} {
		if asof.ErrorCode(c.err) != c.code || c.kind != nil && !errors.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.want) {
			t.Errorf("%s: %v, want %s: %s", asof.ErrorCode(c.err), c.err, c.code, c.want)
		}
	}
	if _, err := b.Source(t.Context(), "clicked", "both"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("to both: %v", err)
	}
	b.Project = "nobody"
	if err := b.source("clicked", `{}`); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a project that was never applied: %v", err)
	}
}

// TestPushToHistory adds rows to the table that a push source's views are read
// from, and to the online store before it.
func TestPushToHistory(t *testing.T) {
	b := newBench(t)
	table := &asof.DataSource{Name: "history", Kind: asof.SourcePostgres, Table: "clicks", TimestampField: "at", CreatedField: "loaded", FieldMapping: history.FieldMapping}
	moved := func(v *asof.FeatureView, stream string) *asof.FeatureView {
		copied := *v
		copied.Source, copied.Stream = table, &asof.DataSource{Name: stream, Kind: asof.SourcePush, Batch: table}
		return &copied
	}
	if _, err := b.Registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{table, moved(clicks, "clicked"), moved(lasting, "clicked"), moved(unserved, "kept")}}); err != nil {
		t.Fatal(err)
	}
	offline := memory.NewOffline()
	defer offline.Close()
	schema := arrow.NewSchema([]arrow.Field{{Name: "at", Type: asof.Timestamp}, {Name: "loaded", Type: asof.Timestamp, Nullable: true}, {Name: "uid", Type: arrow.BinaryTypes.String},
		{Name: "n_clicks", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "share", Type: &arrow.Decimal128Type{Precision: 20, Scale: 18}, Nullable: true}}, nil)
	empty, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	offline.Put("clicks", empty)
	opened := 0
	b.Offline = func(context.Context) (asof.OfflineStore, error) { opened++; return offline, nil }
	to := func(source string, to push.To, rows string) error {
		t.Helper()
		target, err := b.Source(t.Context(), source, to)
		if err != nil {
			return err
		}
		return target.Write(t.Context(), columns(t, rows))
	}
	held := func(want ...string) {
		t.Helper()
		v := moved(clicks, "clicked")
		q, err := v.Query()
		if err != nil {
			t.Fatal(err)
		}
		reader, err := offline.PullLatest(t.Context(), &asof.Latest{View: q, To: now})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Release()
		var got []string
		for reader.Next() {
			rows, err := reader.RecordBatch().MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(rows))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the source holds %q, want %q", got, want)
		}
	}
	if err := to("clicked", push.OnlineAndOffline, `{"user_id": ["ann"], "clicks": [3], "share": [0.123456789012345678], "event_timestamp": ["2024-05-01T10:00:00"], "created": [null]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.12345679", entitykey.String("ann"))
	held(`[{"clicks":3,"created_timestamp":"2024-06-01T12:00:00Z","event_timestamp":"2024-05-01T10:00:00Z","share":0.12345679,"user_id":"ann"}` + "\n]")
	if r, err := offline.Range(t.Context(), table); err != nil || r.Rows != 1 {
		t.Errorf("two views of one source: %d rows (%v)", r.Rows, err)
	}
	if err := to("kept", push.Offline, `{"uid": ["ann"], "n_clicks": [4], "share": [null], "at": ["2024-05-02"], "loaded": ["2024-05-03"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.12345679", entitykey.String("ann"))
	held(`[{"clicks":4,"created_timestamp":"2024-05-03T00:00:00Z","event_timestamp":"2024-05-02T00:00:00Z","share":null,"user_id":"ann"}` + "\n]")

	for rows, want := range map[string]string{
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"], "more": [1]}`:                                    `source "history" has no column "more": its columns are at, loaded, uid, n_clicks, share`,
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "at": ["2024-05-01"], "event_timestamp": ["2024-05-01"]}`:                           `source "history" has no column "event_timestamp"`,
		`{"user_id": ["bob"], "clicks": [1], "event_timestamp": ["2024-05-01"]}`:                                                               `feature "share" of feature view "clicks" is missing`,
		`{"user_id": ["bob"], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"], "loaded": ["x"]}`:                                `row 1, column "loaded": "x" is no time`,
		`{"user_id": ["bob", "eve"], "clicks": [1, 2], "share": [1, 1], "event_timestamp": ["2024-05-01", null]}`:                              `row 2, column "event_timestamp": null is no time`,
		`{"user_id": ["bob", "eve"], "clicks": [1, 2], "share": [1, 5000000000000000000000], "event_timestamp": ["2024-05-01", "2024-05-01"]}`: `does not fit decimal`,
	} {
		err := to("clicked", push.OnlineAndOffline, rows)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", rows, err, want)
		}
	}
	b.holds(clicks, "2024-05-01T00:00:00Z clicks=1 share=1.0", entitykey.String("bob")) // of the last: what the source refused is said
	if err := to("clicked", push.Offline, `{"user_id": ["bob"], "clicks": ["x"], "share": [1], "event_timestamp": ["2024-05-01"]}`); !strings.Contains(fmt.Sprint(err), `row 1, column "clicks": "x" does not fit Int64, the type of column "n_clicks" of source "history"`) {
		t.Error(err)
	}
	if err := to("clicked", push.Offline, `{"user_id": [null], "clicks": [1], "share": [1], "event_timestamp": ["2024-05-01"]}`); !strings.Contains(fmt.Sprint(err), `row 1, column "user_id": null is no value of column "uid" of source "history", a join key`) {
		t.Error(err)
	}
	if r, err := offline.Range(t.Context(), table); err != nil || r.Rows != 2 || opened == 0 {
		t.Errorf("%d rows after mistakes (%v)", r.Rows, err)
	}
	b.Offline = nil
	if err := to("clicked", push.Offline, `{"user_id": ["bob"]}`); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("without an offline store: %v", err)
	}
}

// failing is an online store that fails for one view.
type failing struct {
	asof.OnlineStore
	view string
}

func (f *failing) Write(ctx context.Context, project string, v *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	if v.Name == f.view {
		return 0, asof.Errorf(asof.CodeUnavailable, "the disk is full")
	}
	return f.OnlineStore.Write(ctx, project, v, rows)
}

func TestAFailureSaysWhatWasWritten(t *testing.T) {
	b := newBench(t)
	rows := `{"user_id": ["ann"], "clicks": [1], "share": [0.5], "event_timestamp": ["2024-05-01"]}`
	whole := b.Online
	b.Online = &failing{whole, "lasting"}
	err := b.source("clicked", rows)
	if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), `the disk is full; online "clicks" took the rows already, and takes them again without harm`) {
		t.Errorf("%s: %v", asof.ErrorCode(err), err)
	}
	b.Online = whole
	b.holds(clicks, "2024-05-01T00:00:00Z clicks=1 share=0.5", entitykey.String("ann"))
	if err := b.source("clicked", rows); err != nil {
		t.Fatal(err)
	}
	b.holds(lasting, "2024-05-01T00:00:00Z share=0.5", entitykey.String("ann"))
	target, err := b.Source(t.Context(), "clicked", push.Online)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range target.Views() {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"clicks", "lasting"}) {
		t.Errorf("the source feeds %q", names)
	}
}

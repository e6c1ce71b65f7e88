package redis_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

// feastView is a view as both sides define it, and its rows as both write them.
type feastView struct {
	Name     string              `json:"name"`
	Keys     [][2]string         `json:"keys"`     // join key, type
	Features [][2]string         `json:"features"` // name, type
	Rows     []map[string]any    `json:"rows"`     // event_timestamp in ISO 8601; times and bytes are text
	Read     []map[string]string `json:"read"`     // keys that have no row as well
}

var feastViews = []feastView{
	{"types", [][2]string{{"user", "String"}}, [][2]string{{"i32", "Int32"}, {"i64", "Int64"}, {"f32", "Float32"}, {"f64", "Float64"}, {"b", "Bool"}, {"s", "String"},
		{"raw", "Bytes"}, {"t", "UnixTimestamp"}, {"i32s", "Array(Int32)"}, {"i64s", "Array(Int64)"}, {"f32s", "Array(Float32)"}, {"f64s", "Array(Float64)"},
		{"bs", "Array(Bool)"}, {"ss", "Array(String)"}}, []map[string]any{
		{"user": "ключ", "event_timestamp": "2024-01-31T10:20:30.123456Z", "i32": -1, "i64": 900719925474099, "f32": 0.1, "f64": 0.1, "b": true, "s": "naïve 😀", "raw": "AP8=",
			"t": "2024-01-31T00:00:00Z", "i32s": []any{1, -2}, "i64s": []any{3, 4}, "f32s": []any{1.5, 0.1}, "f64s": []any{0.1}, "bs": []any{true, false}, "ss": []any{"a", ""}},
		{"user": "", "event_timestamp": "1969-12-31T23:59:59.999999Z", "i32": 0, "i64": 0, "f32": 0, "f64": 0, "b": false, "s": "", "raw": "",
			"t": "1970-01-01T00:00:00Z", "i32s": []any{0}, "i64s": []any{0}, "f32s": []any{0.0}, "f64s": []any{0.0}, "bs": []any{false}, "ss": []any{""}},
		{"user": "nulls", "event_timestamp": "2024-01-31T00:00:00Z", "i32": nil, "i64": nil, "f32": nil, "f64": nil, "b": nil, "s": nil, "raw": nil,
			"t": nil, "i32s": nil, "i64s": nil, "f32s": nil, "f64s": nil, "bs": nil, "ss": nil},
	}, []map[string]string{{"user": "nobody"}}},
	{"fees ★", [][2]string{{"user", "String"}}, [][2]string{{"fee", "Float32"}, {"i64", "Int64"}}, []map[string]any{
		{"user": "ключ", "event_timestamp": "2024-02-29T00:00:00Z", "fee": 45.25, "i64": 9007199254740993},
		{"user": "epoch", "event_timestamp": "1970-01-01T00:00:00Z", "fee": 1, "i64": -7},
	}, nil},
	{"pairs", [][2]string{{"z_item", "Int64"}, {"a_user", "String"}, {"m_day", "Int32"}}, [][2]string{{"x", "Int64"}}, []map[string]any{
		{"z_item": -5, "a_user": "1", "m_day": 11, "event_timestamp": "2024-01-31T00:00:00Z", "x": 1},
		{"z_item": 5, "a_user": "11", "m_day": 1, "event_timestamp": "2024-01-31T00:00:00Z", "x": 2},
	}, nil},
	{"everybody", nil, [][2]string{{"total", "Int64"}}, []map[string]any{{"event_timestamp": "2024-01-31T00:00:00Z", "total": 12}}, nil},
}

// feastStores has a function that defines the views in Feast on a Redis, and one
// that prints all hashes of it. sys.argv[2:] are pairs of a connection string
// and a version of the entity keys, of each of which a line is printed.
const feastStores = `
import base64, json, sys, tempfile, os
import pandas as pd, redis as client
from datetime import datetime, timedelta, timezone
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, types
from feast.infra.online_stores.redis import RedisOnlineStore

views, stores = json.load(open(sys.argv[1])), list(zip(sys.argv[2::2], sys.argv[3::2]))
def dtype(text):
    return types.Array(dtype(text[6:-1])) if text.startswith("Array(") else getattr(types, text)

def define(connection, version):
    directory = tempfile.mkdtemp()
    store = FeatureStore(config=RepoConfig(project="shop", provider="local", registry=os.path.join(directory, "registry.db"),
        entity_key_serialization_version=int(version), online_store={"type": "redis", "connection_string": connection}, offline_store={"type": "dask"}))
    entities, objects = {}, []
    for v in views:
        for name, kind in v["keys"] or []:
            entities.setdefault(name, Entity(name=name, join_keys=[name], value_type=getattr(ValueType, kind.upper())))
        fields = [Field(name=n, dtype=dtype(t)) for n, t in (v["keys"] or []) + v["features"]]
        objects.append(FeatureView(name=v["name"], entities=[entities[n] for n, _ in v["keys"] or []], ttl=timedelta(0), schema=fields,
            source=FileSource(name="source of " + v["name"], path=os.path.join(directory, v["name"] + ".parquet"), timestamp_field="event_timestamp")))
    store.apply(list(entities.values()) + objects)
    return store

def dump(connection):
    nodes, options = RedisOnlineStore._parse_connection_string(connection)
    server = client.Redis(host=nodes[0]["host"], port=nodes[0]["port"], **options)
    return {k.hex(): {f.hex(): v.hex() for f, v in server.hgetall(k).items()} for k in server.scan_iter() if not k.startswith(b"asof:")}
`

const feastWrites = feastStores + `
def native(kind, value):
    if value is None: return None
    if kind == "Bytes": return base64.b64decode(value)
    if kind == "UnixTimestamp": return pd.Timestamp(value)
    return value

for connection, version in stores:
    store = define(connection, version)
    for v in views:
        columns = {"event_timestamp": pd.to_datetime([r["event_timestamp"] for r in v["rows"]], format="ISO8601", utc=True)}
        for name, kind in (v["keys"] or []) + v["features"]:
            columns[name] = pd.Series([native(kind, r[name]) for r in v["rows"]], dtype="object")
        frame = pd.DataFrame(columns)
        if v["keys"]:
            store.write_to_online_store(v["name"], df=frame)
        else:  # only this writes where Feast reads
            frame.to_parquet(store.get_feature_view(v["name"]).batch_source.path)
            store.materialize(datetime(2024, 1, 1), datetime(2024, 3, 1), [v["name"]])
    print("answer", json.dumps(dump(connection)))
`

const feastReads = feastStores + `
def shown(x):
    if isinstance(x, datetime): return int(x.astimezone(timezone.utc).timestamp())
    return base64.b64encode(x).decode() if isinstance(x, bytes) else x

for connection, version in stores:
    store, answers = define(connection, version), []
    for v in views:
        names = [n for n, _ in v["keys"] or []]
        rows = [{n: r[n] for n in names} for r in v["rows"] + (v["read"] or [])] if names else [{"user": ""}]
        answer = store.get_online_features(features=[v["name"] + ":" + n for n, _ in v["features"]], entity_rows=rows)
        columns = answer.to_dict()
        events = dict(zip(answer.proto.metadata.feature_names.val, [[t.ToMicroseconds() for t in r.event_timestamps] for r in answer.proto.results]))
        answers.append([{n: [shown(columns[n][i]), events[n][i]] for n, _ in v["features"]} for i in range(len(rows))])
    print("answer", json.dumps({"dump": dump(connection), "answers": answers}))
`

// TestFeast holds what Feast's SDK and we write against one another, byte for
// byte, and has each read what the other wrote.
func TestFeast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.json")
	text, err := json.Marshal(feastViews)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	versions := []int{3, 2}
	theirs, mine := []string{path}, []string{path}
	for _, version := range versions {
		theirs = append(theirs, storetest.Redis(t).Database(t).Connection(), fmt.Sprint(version))
		mine = append(mine, storetest.Redis(t).Database(t).Connection(), fmt.Sprint(version))
		writeFeastViews(t, open(t, redis.Config{Connection: mine[len(mine)-2], KeyVersion: version}))
	}
	dumps, reads := storetest.RunPython(t, feastWrites, theirs...), storetest.RunPython(t, feastReads, mine...)
	for i, version := range versions {
		t.Run(fmt.Sprint("keys of version ", version), func(t *testing.T) {
			var want map[string]map[string]string
			var got struct {
				Dump    map[string]map[string]string
				Answers [][]map[string][2]any
			}
			fromPython(t, dumps, i, &want)
			fromPython(t, reads, i, &got)
			if d := cmp.Diff(want, got.Dump); d != "" || len(want) != 7 {
				t.Errorf("the %d hashes: -Feast's +ours\n%s", len(want), d)
			}
			store := open(t, redis.Config{Connection: theirs[1+2*i], KeyVersion: version})
			for i, v := range feastViews {
				if d := cmp.Diff(got.Answers[i], readFeastView(t, store, v, version)); d != "" {
					t.Errorf("view %q: what Feast reads of our rows, and we of Feast's: -Feast +ours\n%s", v.Name, d)
				}
			}
		})
	}
}

// fromPython decodes the n-th answer that a script printed.
func fromPython(t *testing.T, out []byte, n int, into any) {
	t.Helper()
	answers := strings.Split(string(out), "answer ")
	if len(answers) < n+2 {
		t.Fatalf("the script printed %s", out)
	}
	if err := json.NewDecoder(strings.NewReader(answers[n+1])).Decode(into); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}

func fields(t *testing.T, list [][2]string) []asof.Field {
	t.Helper()
	var fields []asof.Field
	for _, f := range list {
		for n := range asof.ValueType(64) {
			if typ := asof.Scalar(n); typ.String() == f[1] {
				fields = append(fields, asof.Field{Name: f[0], Type: typ})
			}
		}
	}
	if len(fields) != len(list) {
		t.Fatalf("not all types of %v are known", list)
	}
	return fields
}

func (v feastView) definition(t *testing.T) *asof.FeatureView {
	return &asof.FeatureView{Name: v.Name, Online: true, Enabled: true, EntityColumns: fields(t, v.Keys), Features: fields(t, v.Features)}
}

func definitions(t *testing.T) []*asof.FeatureView {
	var views []*asof.FeatureView
	for _, v := range feastViews {
		views = append(views, v.definition(t))
	}
	return views
}

func writeFeastViews(t *testing.T, store *redis.Online) {
	t.Helper()
	if err := store.Update(t.Context(), "shop", definitions(t), nil); err != nil {
		t.Fatal(err)
	}
	for _, v := range feastViews {
		text, err := json.Marshal(v.Rows)
		if err != nil {
			t.Fatal(err)
		}
		rows := batch(t, v.definition(t), string(text))
		if n, err := store.Write(t.Context(), "shop", v.definition(t), rows); err != nil || int(n) != len(v.Rows) {
			t.Fatalf("view %q: %d rows written: %v", v.Name, n, err)
		}
	}
}

// batch makes rows of a view from Arrow's JSON.
func batch(tb testing.TB, v *asof.FeatureView, rows string) arrow.RecordBatch {
	tb.Helper()
	fields := []arrow.Field{{Name: asof.EventTimestamp, Type: asof.Timestamp, Nullable: true}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}}
	for _, f := range append(v.EntityColumns[:len(v.EntityColumns):len(v.EntityColumns)], v.Features...) {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		tb.Fatalf("%v in %s", err, rows)
	}
	return b
}

// readFeastView reads the rows of a view as Python prints them.
func readFeastView(t *testing.T, store *redis.Online, v feastView, version int) []map[string][2]any {
	t.Helper()
	names := []string{}
	for _, k := range v.Keys {
		names = append(names, k[0])
	}
	encoder, err := entitykey.NewEncoder(version, names...)
	if err != nil {
		t.Fatal(err)
	}
	r := &asof.Reading{View: v.definition(t)}
	r.Features = r.View.FeatureNames()
	add := func(row func(name string) any) {
		var values []entitykey.Value
		for _, k := range v.Keys {
			switch x := row(k[0]).(type) {
			case string:
				values = append(values, entitykey.String(x))
			case int:
				if values = append(values, entitykey.Int64(int64(x))); k[1] == "Int32" {
					values[len(values)-1] = entitykey.Int32(int32(x))
				}
			}
		}
		key, err := encoder.Append(nil, values...)
		if err != nil {
			t.Fatal(err)
		}
		r.Keys = append(r.Keys, key)
	}
	for _, row := range v.Rows {
		add(func(name string) any { return row[name] })
	}
	for _, row := range v.Read {
		add(func(name string) any { return row[name] })
	}
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	answer := make([]map[string][2]any, len(r.Keys))
	for i := range answer {
		answer[i] = map[string][2]any{}
		for c, name := range r.Features {
			var shown any
			if err := json.Unmarshal(value.AppendJSON(nil, r.Value(c, i), value.Served), &shown); err != nil {
				t.Fatal(err)
			}
			answer[i][name] = [2]any{shown, float64(r.Events[i])}
		}
	}
	return answer
}

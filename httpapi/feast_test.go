package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// feastServer applies the views below, materializes the Parquet files of the
// folder, serves them with Feast's own server, and prints its status and answer
// to each body of the file given.
const feastServer = `
import json, os, socket, sys, threading, time
from datetime import datetime, timedelta, timezone
import requests, uvicorn
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RequestSource, ValueType
from feast.feature_server import get_app
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.transformation.pandas_transformation import PandasTransformation
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

folder, bodies = sys.argv[1:]
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
shop = Entity(name="shop", join_keys=["shop_id"], value_type=ValueType.INT64)

def view(name, entities, schema):
    return FeatureView(name=name, entities=entities, ttl=timedelta(0), schema=[Field(name=n, dtype=t) for n, t in schema.items()],
        source=FileSource(name=name + "_source", path=os.path.join(folder, name + ".parquet"), timestamp_field="event_timestamp"))

profile = view("profile", [user], {"user_id": String, "i32": Int32, "i64": Int64, "f32": Float32, "f64": Float64, "yes": Bool, "name": String,
    "raw": Bytes, "since": UnixTimestamp, "numbers": Array(Int64), "floats": Array(Float32), "names": Array(String)})
usage = view("usage", [user], {"user_id": String, "hours": Float32, "i64": Int64})
shops = view("shops", [shop], {"shop_id": Int64, "rating": Float64})
visits = view("visits", [user, shop], {"user_id": String, "shop_id": Int64, "visited": Int64})
pair = FeatureService(name="pair", features=[
    profile[["name", "f32"]].with_name("buyer").with_join_key_map({"user_id": "buyer_id"}),
    profile[["name"]].with_name("seller").with_join_key_map({"user_id": "seller_id"})])
mixed = FeatureService(name="mixed", features=[usage[["hours"]], shops])

text = 'def scaled(df):\n    return df.assign(x=df["hours"] * df["factor"])[["x"]]\n'
exec(text)
scaled = OnDemandFeatureView(name="scaled", sources=[usage[["hours"]], RequestSource(name="asked", schema=[Field(name="factor", dtype=Float64)])],
    schema=[Field(name="x", dtype=Float64)], feature_transformation=PandasTransformation(scaled, text))

store = FeatureStore(repo_path=folder)
store.apply([user, shop, profile, usage, shops, visits, pair, mixed, scaled])
store.materialize(datetime(2023, 1, 1, tzinfo=timezone.utc), datetime(2024, 12, 31, tzinfo=timezone.utc))

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(get_app(store), log_level="critical", lifespan="off"))
thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
thread.start()
while not server.started:
    time.sleep(0.01)
for line in open(bodies):
    answer = requests.post("http://127.0.0.1:%d/get-online-features" % listener.getsockname()[1], data=json.loads(line).encode(), headers={"Content-Type": "application/json"})
    print("answer", json.dumps([answer.status_code, answer.text]))
server.should_exit = True
thread.join()
`

const feastYAML = `project: ` + project + `
provider: local
registry: registry.db
online_store: {type: sqlite, path: online_store.db}
offline_store: {type: file}
entity_key_serialization_version: 3
`

var (
	profile = userView("profile", field("i32", asof.TypeInt32), field("i64", asof.TypeInt64), field("f32", asof.TypeFloat32), field("f64", asof.TypeFloat64),
		field("yes", asof.TypeBool), field("name", asof.TypeString), field("raw", asof.TypeBytes), field("since", asof.TypeUnixTimestamp),
		field("numbers", asof.TypeInt64List), field("floats", asof.TypeFloat32List), field("names", asof.TypeStringList))
	usage = userView("usage", field("hours", asof.TypeFloat32), field("i64", asof.TypeInt64))
	shops = &asof.FeatureView{Name: "shops", Entities: []string{"shop"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("shop_id", asof.TypeInt64)}, Features: []asof.Field{field("rating", asof.TypeFloat64)}}
	visits = &asof.FeatureView{Name: "visits", Entities: []string{"user", "shop"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("user_id", asof.TypeString), field("shop_id", asof.TypeInt64)}, Features: []asof.Field{field("visited", asof.TypeInt64)}}
	pair = &asof.FeatureService{Name: "pair", Projections: []asof.Projection{
		{View: "profile", Alias: "buyer", Features: []asof.Field{field("name", asof.TypeString), field("f32", asof.TypeFloat32)}, JoinKeyMap: map[string]string{"user_id": "buyer_id"}},
		{View: "profile", Alias: "seller", Features: []asof.Field{field("name", asof.TypeString)}, JoinKeyMap: map[string]string{"user_id": "seller_id"}}}}
	mixed  = &asof.FeatureService{Name: "mixed", Projections: []asof.Projection{{View: "usage", Features: []asof.Field{field("hours", asof.TypeFloat32)}}, {View: "shops", Features: shops.Features}}}
	scaled = &asof.OnDemandFeatureView{Name: "scaled", Mode: "pandas", Enabled: true, Features: []asof.Field{field("x", asof.TypeFloat64)},
		Function: &asof.Function{Name: "scaled", Mode: "pandas", Text: "def scaled(df):\n    return df.assign(x=df[\"hours\"] * df[\"factor\"])[[\"x\"]]\n"},
		Sources: []asof.OnDemandSource{{Name: "usage", View: &asof.Projection{View: "usage", Features: []asof.Field{field("hours", asof.TypeFloat32)}}},
			{Name: "asked", Request: &asof.DataSource{Name: "asked", Kind: asof.SourceRequest, Schema: []asof.Field{field("factor", asof.TypeFloat64)}}}}}
)

// rowsOf holds no null among i64 and since: Feast's file store reads an integer
// column with a null as doubles, and its server shows a null timestamp as
// -9223372036854775808.
var rowsOf = map[*asof.FeatureView]string{
	profile: `[
		{"user_id": "ann", "event_timestamp": "2024-01-31T00:00:00Z", "i32": -5, "i64": 9007199254740993, "f32": 45.1, "f64": 0.1, "yes": true, "name": "Ann \"é\" 😀\n",
		 "raw": "AP8=", "since": "2020-02-29T12:00:00Z", "numbers": [1, -2], "floats": [0.1, 10], "names": ["a", "ß"]},
		{"user_id": "bob", "event_timestamp": "2024-01-01T10:20:30Z", "i32": 0, "i64": 7, "f32": 10, "f64": 1e22, "yes": false, "name": "",
		 "raw": "", "since": "1969-12-31T23:59:59Z", "numbers": [5], "floats": [3.4e38], "names": ["x"]},
		{"user_id": "nil", "event_timestamp": "2024-01-02T00:00:00Z", "i64": 8, "since": "2024-01-02T00:00:00Z"}]`,
	usage:  `[{"user_id": "ann", "event_timestamp": "2024-01-30T00:00:00Z", "hours": 32.0919931169304, "i64": 1}]`,
	shops:  `[{"shop_id": 7, "event_timestamp": "2024-01-31T00:00:00Z", "rating": 4}]`,
	visits: `[{"user_id": "ann", "shop_id": 7, "event_timestamp": "2024-01-31T00:00:00Z", "visited": 3}]`,
}

// feastAndOurs prepares the same rows for Feast, in a repository at the folder
// returned, and for us, in SQLite.
func feastAndOurs(t *testing.T) (string, *serving.Reader) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "feature_store.yaml"), []byte(feastYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	registry := memory.NewRegistry(nil)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, profile, usage, shops, visits, pair, mixed, scaled,
		&asof.Entity{Name: "shop", JoinKey: "shop_id", ValueType: asof.TypeInt64}}}); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.OpenOnline(filepath.Join(folder, "ours.db"), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	for v, rows := range rowsOf {
		write(t, store, v, rows)
		b := batch(t, v, rows)
		var file bytes.Buffer
		w, err := pqarrow.NewFileWriter(b.Schema(), &file, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b.Release()
		if err := os.WriteFile(filepath.Join(folder, v.Name+".parquet"), file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder, newReader(t, registry, store)
}

// reply is a body that Feast and we are sent; where Feast has another status,
// ours is named.
type reply struct {
	body   string
	status int    // ours, where it is not Feast's
	class  string // of an error: the class in feast.errors
}

func TestAnswersAreFeasts(t *testing.T) {
	folder, reader := feastAndOurs(t)
	all := `"features":["profile:i32","profile:i64","profile:f32","profile:f64","profile:yes","profile:name","profile:raw","profile:since","profile:numbers","profile:floats","profile:names","usage:hours"]`
	replies := []reply{
		{body: `{"entities":{"user_id":["ann","bob","nobody","ann","nil"]},` + all + `}`},
		{body: `{"entities":{"user_id":["ann"]},` + all + `,"full_feature_names":true,"include_feature_view_version_metadata":true}`},
		{body: `{"entities":{"user":["bob"]},"features":["profile:i64"]}`},
		{body: `{"entities":{"shop_id":[7,8],"user_id":["ann","ann"]},"features":["visits:visited","shops:rating","profile:f32"]}`},
		{body: `{"entities":{"shop_id":[7]},"features":["shops:rating"],"feature_service":null}`},
		{body: `{"entities":{"shop_id":[7],"user_id":["ann"]},"feature_service":"mixed","full_feature_names":"true"}`},
		{body: `{"entities":{"user_id":["ann"]},"features":["profile:i32"],"full_feature_names":10e-1}`},
		{body: `{"entities":{"user_id":["ann"]},"features":["profile:i32"],"full_feature_names":-0.0}`},
		{body: `{"entities":{},"full_feature_names":1.5}`}, {body: `{"entities":{},"full_feature_names":2}`}, {body: `{"entities":{},"full_feature_names":null}`},
		{body: `{"entities":{"seller_id":["bob"],"buyer_id":["ann"]},"feature_service":"pair","full_feature_names":true}`},
		{body: `{"entities":{"shop_id":["7","8"]},"features":["shops:rating"]}`},
		{body: `{"entities":{"shop_id":[7.0]},"features":["shops:rating"]}`},
		{body: `{"entities":{"user_id":[5]},"features":["profile:i64"]}`},
		{body: `{"entities":{"user_id":["ann","ann","bob"],"shop_id":[7,9007199254740993,-7]},"features":["visits:visited"]}`},
		{body: `{"entities":{"user_id":["ключ","a/b \"\\","😀"]},"features":["profile:name","profile:names","profile:raw"]}`},
		{body: `{"entities":{"user_id":[]},"features":["profile:i64"]}`, status: 200},
		{body: `{"entities":{"user_id":["ann",null]},"features":["profile:i64"]}`, status: 400, class: "FeastError"},
		{body: `{"entities":{"user_id":["ann"]},"features":["nope:i64"]}`, class: "FeatureViewNotFoundException"},
		{body: `{"entities":{"user_id":["ann"]},"feature_service":"nope"}`, class: "FeatureServiceNotFoundException"},
		{body: `{"entities":{"user_id":["ann"]},"features":["profile:nope"]}`, status: 404, class: "FeastObjectNotFoundException"},
		{body: `{"entities":{"user_ids":["ann"]},"features":["profile:i64"]}`, status: 404, class: "EntityNotFoundException"},
		{body: `{"entities":{"user_id":["ann"],"factor":[2]},"features":["scaled:x"]}`},
		{body: `{"entities":{"user_id":["ann"]},"features":["scaled:x"]}`, class: "RequestDataNotFoundInEntityRowsException"},
		{body: `{"entities":{"shop_id":[7]},"features":["profile:i64"]}`, status: 400, class: "FeastError"},
		{body: `{"entities":{"user_id":["ann"]},"features":["profile:i64","usage:i64"]}`, status: 400, class: "FeatureNameCollisionError"},
		{body: `{"entities":{"user_id":["ann"]}}`, status: 400, class: "FeastError"},
		{body: `{"entities":{"user_id":[null]},"features":["profile:i64"]}`, status: 400, class: "FeastError"},
		{body: `{"entities":{"user_id":["ann"],"shop_id":[1,2]},"features":["profile:i64"]}`, status: 400, class: "FeastError"},
		{body: `{}`}, {body: ``}, {body: `[1]`}, {body: `{"entities":5}`}, {body: `{"entities":{"a":"x"}}`}, {body: `{"entities":{},"features":"a:b"}`},
		{body: `{"entities":{},"features":["a:b",5]}`}, {body: `{"entities":{},"feature_service":["x"]}`}, {body: `{"entities":{},"full_feature_names":"huh"}`},
	}
	theirs := feastAnswers(t, folder, replies)
	h := httpapi.New(httpapi.Options{Reader: reader})
	for i, r := range replies {
		status, got := ask(t, h, "POST", "/get-online-features", r.body)
		switch want := theirs[i]; {
		case r.status != 0:
			if want.status < 500 && want.status != 200 {
				t.Errorf("%s: Feast answers %d by now: %s", r.body, want.status, want.text)
			}
			want.status = r.status
			fallthrough
		case r.class != "":
			if class := classOf(t, got); status != want.status || class != r.class {
				t.Errorf("%s: got %d %s, want %d %s", r.body, status, got, want.status, r.class)
			}
			if theirClass := classOf(t, want.text); want.status == 404 && r.status == 0 && theirClass != r.class {
				t.Errorf("%s: Feast answers with %s", r.body, theirClass)
			}
		case want.status != status:
			t.Errorf("%s: got %d %s, from Feast %d %s", r.body, status, got, want.status, want.text)
		case status == http.StatusOK:
			sameAnswer(t, r.body, got, want.text)
		case !sameDocument(got, want.text):
			t.Errorf("%s: got %s, from Feast %s", r.body, got, want.text)
		}
	}
	printedAlike(t, folder, reader)
	clientUnderstands(t, folder, h)
}

type answered struct {
	status int
	text   string
}

func feastAnswers(t *testing.T, folder string, replies []reply) []answered {
	t.Helper()
	var bodies bytes.Buffer
	for _, r := range replies {
		line, _ := json.Marshal(r.body) // a string always marshals
		bodies.Write(append(line, '\n'))
	}
	file := filepath.Join(folder, "bodies")
	if err := os.WriteFile(file, bodies.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []answered
	for line := range strings.Lines(string(storetest.RunPython(t, feastServer, folder, file))) {
		text, ok := strings.CutPrefix(line, "answer ")
		if !ok {
			continue // Feast prints its progress
		}
		var a [2]any
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		all = append(all, answered{int(a[0].(float64)), a[1].(string)})
	}
	if len(all) != len(replies) {
		t.Fatalf("Feast answered %d of %d requests", len(all), len(replies))
	}
	return all
}

// printedAlike compares what Feast's command line prints with what we print.
func printedAlike(t *testing.T, folder string, reader *serving.Reader) {
	t.Helper()
	for _, c := range []struct{ entities, features []string }{
		{[]string{"user_id=ann", "user_id=nobody", "user_id=nil"}, []string{"profile:name"}},
		{[]string{"user_id=ann", "shop_id=7"}, []string{"visits:visited", "profile:floats", "usage:hours"}},
	} {
		args := []string{"get-online-features"}
		var entities []serving.Column
		for _, e := range c.entities {
			args = append(args, "-e", e)
			name, key, _ := strings.Cut(e, "=")
			if n := len(entities); n == 0 || entities[n-1].Name != name {
				entities = append(entities, serving.Column{Name: name})
			}
			last := &entities[len(entities)-1]
			last.Values = append(last.Values, serving.Text(key))
		}
		for _, f := range c.features {
			args = append(args, "-f", f)
		}
		answer, err := reader.Read(t.Context(), &serving.Request{Selection: serving.Selection{Features: c.features}, Entities: entities})
		if err != nil {
			t.Fatal(err)
		}
		got, want := string(answer.AppendDict(nil))+"\n", string(storetest.RunFeast(t, folder, args...))
		answer.Release()
		if got != want {
			t.Errorf("%q: got\n%s, from Feast\n%s", args, got, want)
		}
	}
}

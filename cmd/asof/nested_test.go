package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nestedView = `from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Decimal, Float32, Int64, Json, Map, Set, String, Struct, UnixTimestamp, Uuid

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
source = FileSource(name="users", path="nested.csv", timestamp_field="as_of")
nested = FeatureView(name="nested", entities=[user], source=source, schema=[
    Field(name="numbers", dtype=Array(Int64)), Field(name="rates", dtype=Array(Float32)), Field(name="seen", dtype=Array(UnixTimestamp)),
    Field(name="tags", dtype=Set(String)), Field(name="labels", dtype=Map), Field(name="raw", dtype=Json),
    Field(name="address", dtype=Struct({"city": String, "zip": Int64})),
    Field(name="places", dtype=Array(Struct({"city": String, "zip": Int64}))),
    Field(name="price", dtype=Decimal), Field(name="id", dtype=Uuid),
])
`

const nestedRows = `user_id,as_of,numbers,rates,seen,tags,labels,raw,address,places,price,id
a,2024-01-31,"[1, -9007199254740993]","[0.1, 2.5]","[""2024-01-31 12:00:00""]","[""x"", ""é"", ""x""]","{""k"": ""v"", ""é"": ""ü""}","{""deep"": [1, {""a"": null}]}","{""city"": ""Zürich"", ""zip"": 8001}","[{""city"": ""Bern"", ""zip"": 3000}, {""city"": null, ""zip"": 1}]",12345678901234567890.123456789,0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f
b,2024-01-31,[],[],[],[],{},[],,[],-0.5,
c,2024-01-31,,,,,,,,,,
`

// nestedWant is what the first user's features are, in the training set and
// online.
const nestedWant = `{"numbers": [1, -9007199254740993], "rates": [0.1, 2.5], "seen": ["2024-01-31T12:00:00Z"], "tags": ["x", "é"],
"labels": {"k": "v", "é": "ü"}, "raw": {"deep": [1, {"a": null}]}, "address": {"city": "Zürich", "zip": 8001},
"places": [{"city": "Bern", "zip": 3000}, {"city": null, "zip": 1}], "price": "12345678901234567890.123456789", "id": "0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f"}`

// Features of nested types are online what they are in the training set.
func TestNestedFeaturesOnline(t *testing.T) {
	fillings(t, 1, func(t *testing.T, f filling) {
		for name, text := range map[string]string{"features.py": nestedView, "nested.csv": nestedRows} {
			if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var want map[string]any
		exactly(t, []byte(nestedWant), &want)
		ask := []string{"-c", f.dir, "get-historical-features", "-d",
			`[{"user_id": "a", "event_timestamp": "2024-02-10"}, {"user_id": "b", "event_timestamp": "2024-02-10"}, {"user_id": "c", "event_timestamp": "2024-02-10"}]`}
		lookUp := []string{"-c", f.dir, "get-online-features", "--output", "json", "-e", "user_id=a", "-e", "user_id=b", "-e", "user_id=c"}
		for name := range want {
			ask, lookUp = append(ask, "-f", "nested:"+name), append(lookUp, "-f", "nested:"+name)
		}
		run(t, "asof", "-c", f.dir, "apply")
		run(t, "asof", "-c", f.dir, "materialize-incremental", "2024-02-10")
		var trained []map[string]any
		exactly(t, run(t, "asof", ask...), &trained)
		var online []struct{ Features map[string]any }
		exactly(t, run(t, "asof", lookUp...), &online)
		if len(trained) != 3 || len(online) != 3 {
			t.Fatalf("%d rows of training data, %d online", len(trained), len(online))
		}
		for i, row := range trained {
			delete(row, "user_id")
			delete(row, "event_timestamp")
			for _, text := range []string{"labels", "raw"} { // a training set holds these as JSON
				if value, ok := row[text].(string); ok {
					var parsed any
					exactly(t, []byte(value), &parsed)
					row[text] = parsed
				}
			}
			if i == 0 {
				if d := cmp.Diff(want, row); d != "" {
					t.Errorf("training set: -want +got\n%s", d)
				}
			}
			if d := cmp.Diff(row, online[i].Features); d != "" {
				t.Errorf("row %d: -training set +online\n%s", i, d)
			}
		}
	})
}

// exactly reads JSON, numbers as they are written.
func exactly(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

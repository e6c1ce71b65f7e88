package value_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

// feastJSON prints, for each message of standard input's hex lines, what
// Feast's server and Feast's CLI print of it; "-" where the CLI fails.
const feastJSON = `
import json, sys
from feast.feature_server_utils import _value_to_native
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type
for line in open(sys.argv[1]):
    v = Value.FromString(bytes.fromhex(line.strip()))
    print(json.dumps(_value_to_native(v), ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    try:
        print(json.dumps(feast_value_type_to_python_type(v), separators=(",", ":")))
    except (TypeError, ValueError):
        print("-")
    try:
        print(json.dumps(json.dumps({"v": [feast_value_type_to_python_type(v), []]}, indent=4)))
    except (TypeError, ValueError):
        print("-")
`

func messages(t *testing.T) [][]byte {
	var all [][]byte
	for _, c := range scalars {
		a := cells(t, c.typ, c.cells)
		for i := range a.Len() {
			b, err := value.Append(nil, c.typ, a, i)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
	}
	for _, text := range []string{
		`double_val: nan`, `double_val: inf`, `float_val: -inf`, `double_list_val { val: 1 val: nan val: -inf }`, `null_val: NULL`,
		`string_val: "\"\\/\n\r\t\010\014\001\177é€😀"`, `map_val { val { key: "k\"é😀" value { float_val: 0.1 } } }`,
		`json_val: "{\"a\" : [1, \"x y\\\"é\"]}"`, `json_val: "not json"`, `json_list_val { val: "{ \"a\":1}" val: "x" }`,
		`zoned_timestamp_val { unix_timestamp: 1706659200 zone: "America/Los_Angeles" }`, `zoned_timestamp_val { unix_timestamp: 1706659200 zone: "UTC-07:00" }`,
		`zoned_timestamp_val { unix_timestamp: 1706659200 zone: "+0530" }`, `zoned_timestamp_val { unix_timestamp: 1706659200 }`, `zoned_timestamp_val { unix_timestamp: 1706659200 zone: "Mars/Base" }`,
		`zoned_timestamp_val { unix_timestamp: -9223372036854775808 zone: "UTC" }`, `uuid_list_val { val: "550e8400-e29b-41d4-a716-446655440000" }`,
		`double_val: -0.0`, `float_val: 1e-7`, `float_val: 3.4e38`, `int32_list_val { val: -5 }`, `unix_timestamp_val: -9223372036854775808`,
	} {
		var v types.Value
		if err := prototext.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		b, _ := proto.Marshal(&v)
		all = append(all, b)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		d := math.Float64frombits(random.Uint64())
		f := math.Float32frombits(random.Uint32())
		for _, v := range []*types.Value{{Val: &types.Value_DoubleVal{DoubleVal: d}}, {Val: &types.Value_FloatVal{FloatVal: f}},
			{Val: &types.Value_DoubleVal{DoubleVal: math.Round(random.Float64()*1e6) / 100}},
			{Val: &types.Value_DoubleVal{DoubleVal: math.Pow(10, float64(random.IntN(40)-20))}}} {
			b, _ := proto.Marshal(v)
			all = append(all, b)
		}
	}
	return all
}

func TestJSONIsFeasts(t *testing.T) {
	all := messages(t)
	file := t.TempDir() + "/messages"
	var lines bytes.Buffer
	for _, b := range all {
		lines.WriteString(hex.EncodeToString(b) + "\n")
	}
	writeFile(t, file, lines.Bytes())
	theirs := strings.Split(strings.TrimSuffix(string(storetest.RunPython(t, feastJSON, file)), "\n"), "\n")
	if len(theirs) != 3*len(all) {
		t.Fatalf("Feast printed %d lines for %d messages", len(theirs), len(all))
	}
	printed := 0
	for i, b := range all {
		var v types.Value
		if err := proto.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if got := string(value.AppendJSON(nil, b, value.Served)); !sameJSON(got, theirs[3*i]) {
			t.Errorf("%v: served %s, by Feast %s", &v, got, theirs[3*i])
		}
		_, null := v.Val.(*types.Value_NullVal)
		if theirs[3*i+1] == "-" || null {
			continue // what Python's json module cannot print, and a null, of which Feast's CLI makes 0
		}
		printed++
		if got := string(value.AppendJSON(nil, b, value.Printed)); !sameJSON(got, theirs[3*i+1]) {
			t.Errorf("%v: printed %s, by Feast %s", &v, got, theirs[3*i+1])
		}
		if v.GetMapVal() != nil || v.GetMapListVal() != nil || v.GetStructVal() != nil || v.GetStructListVal() != nil {
			continue // the order of Python's map fields is not that of the bytes
		}
		var want string
		if err := json.Unmarshal([]byte(theirs[3*i+2]), &want); err != nil {
			t.Fatal(err)
		}
		compact := append(value.AppendJSON([]byte(`{"v":[`), b, value.Printed), `,[]]}`...)
		if got := string(value.AppendIndented(nil, compact)); got != want {
			t.Errorf("%v: indented %s, by Feast %s", &v, got, want)
		}
	}
	if printed < len(all)/2 {
		t.Errorf("only %d of %d messages were compared with the CLI", printed, len(all))
	}
}

// sameJSON is equality of texts; only members of objects may have another
// order, which Python's map fields do not keep.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	if !strings.Contains(a, "{") || len(a) != len(b) {
		return false
	}
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]string{
		`float_val: 0.1`: `0.1`, `float_val: 45.25`: `45.25`, `float_val: 10`: `10.0`, `float_val: 32.09199`: `32.09199`,
		`double_val: 0.1`: `0.1`, `float_val: 1e20`: `1e+20`, `double_val: nan`: `"NaN"`,
		`unix_timestamp_val: 1706659200`:                               `"2024-01-31T00:00:00Z"`,
		`unix_timestamp_list_val { val: 0 val: -9223372036854775808 }`: `["1970-01-01T00:00:00Z",null]`,
		`json_val: "{\"a\" : 1}"`:                                      `{"a":1}`,
		`string_val: "é"`:                                              `"é"`,
		`scalar_map_val { val { key { int64_key: 1 } value { float_val: 0.1 } } val { key { uuid_key: "u" } value {} } }`: `{"1":0.1,"u":null}`,
	} {
		var v types.Value
		if err := prototext.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		b, _ := proto.Marshal(&v)
		if got := string(value.AppendJSON(nil, b, value.Plain)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, b := range [][]byte{{0x20, 1}, {0x29, 0, 0, 0, 0, 0, 0, 0x24, 0x40}, {0xa2, 1, 0}, {0x5a, 2, 0xa, 0}, {0x12, 1, 0xff}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, form := range []value.Form{value.Served, value.Plain} {
			if got := value.AppendJSON(nil, b, form); !json.Valid(got) {
				t.Errorf("%x is printed as %s, which is no JSON", b, got)
			}
		}
	})
}

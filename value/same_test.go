package value_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/value"
)

// message is the bytes of a Value that is written as text.
func message(t *testing.T, text string) []byte {
	t.Helper()
	var v types.Value
	if err := prototext.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// turned is a map of two entries with the second one first.
func turned(t *testing.T, m []byte) []byte {
	t.Helper()
	tag, typ, n := protowire.ConsumeTag(m)
	body, _ := protowire.ConsumeBytes(m[n:])
	first := protowire.ConsumeFieldValue(1, protowire.BytesType, body[1:]) + 1
	return protowire.AppendBytes(protowire.AppendTag(nil, tag, typ), append(append([]byte{}, body[first:]...), body[:first]...))
}

func TestSameIsOfMapsAndSetsWhateverTheirOrder(t *testing.T) {
	pair := message(t, `map_val {val {key: "a" value {int64_val: 1}} val {key: "b" value {string_val: "x"}}}`)
	if other := turned(t, pair); string(other) == string(pair) || !value.Same(pair, other) {
		t.Errorf("a map with its entries the other way round: %x and %x", pair, other)
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`map_val {val {key: "a" value {int64_val: 1}}}`, `map_val {val {key: "a" value {double_val: 1}}}`, false},
		{`map_val {val {key: "a" value {int64_val: 1}}}`, `map_val {val {key: "a" value {string_val: "1"}}}`, false},
		{`map_val {val {key: "a" value {int64_val: 1}}}`, `struct_val {val {key: "a" value {int64_val: 1}}}`, false},
		{`map_val {val {key: "a" value {int64_val: 9007199254740993}}}`, `map_val {val {key: "a" value {int64_val: 9007199254740992}}}`, false},
		{`int64_set_val {val: 1 val: 2}`, `int64_set_val {val: 2 val: 1}`, true},
		{`int64_set_val {val: 1 val: 2}`, `int64_set_val {val: 2 val: 3}`, false},
		{`int64_list_val {val: 1 val: 2}`, `int64_list_val {val: 2 val: 1}`, false},
		{`string_val: "a"`, `string_val: "b"`, false}, {`int64_val: 1`, `int64_val: 1`, true}, {``, `int64_val: 1`, false},
	} {
		if got := value.Same(message(t, c.a), message(t, c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

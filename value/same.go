package value

import (
	"bytes"
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// Same reports whether two Value messages have one meaning: the same bytes, or
// maps of the same entries and sets of the same members, which Feast's writers
// leave in any order.
func Same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	of, _, n := protowire.ConsumeTag(a)
	other, _, m := protowire.ConsumeTag(b)
	if n < 0 || m < 0 || of != other {
		return false
	}
	t := asof.Scalar(asof.ValueType(of))
	switch t.Value {
	case asof.TypeMap, asof.TypeMapList, asof.TypeStruct, asof.TypeStructList:
	default:
		if !t.IsSet() {
			return false
		}
	}
	return bytes.Equal(settled(a, t.IsSet()), settled(b, t.IsSet()))
}

// settled writes a value as JSON with the names of its maps in order, and the
// members of a set.
func settled(message []byte, set bool) []byte {
	d := json.NewDecoder(bytes.NewReader(AppendJSON(nil, message, Served)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return message
	}
	list, ok := v.([]any)
	if !set || !ok {
		text, _ := json.Marshal(v)
		return text
	}
	members := make([][]byte, len(list))
	for i := range list {
		members[i], _ = json.Marshal(list[i])
	}
	slices.SortFunc(members, bytes.Compare)
	return bytes.Join(members, []byte{','})
}

package redis

import (
	"fmt"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// ValueField and PutScript are for floors of benchmarks, which do the same.
var (
	ValueField = valueField
	PutScript  = putScript.text
)

var (
	AppendTimestamp = appendTimestamp
	ParseTimestamp  = parseTimestamp
)

// ReadyRows returns the keys of a batch and what is put there.
func ReadyRows(tb testing.TB, project string, v *asof.FeatureView, data arrow.RecordBatch) (keys []string, rows [][]string) {
	tb.Helper()
	schema := &value.Schema{Next: 1, Columns: map[string]value.Column{}}
	schema.Evolve(v)
	encoder, err := value.NewEncoder(v, 3, schema)
	if err != nil {
		tb.Fatal(err)
	}
	encoded, err := encoder.Encode(data)
	if err != nil {
		tb.Fatal(err)
	}
	p := newPutter(Config{Kind: Cluster}, project, v, schema, false) // a key a call
	for len(encoded) > 0 {
		var calls []call
		calls, encoded = p.calls(encoded)
		for _, c := range calls {
			keys, rows = append(keys, c.keys[0]), append(rows, c.args[3:])
		}
	}
	return keys, rows
}

// Colliding returns two features of a view that have the same field.
func Colliding(view string) (a, b string) {
	seen := map[string]string{}
	for i := 0; ; i++ {
		name := fmt.Sprint("f", i)
		if other, ok := seen[valueField(view, name)]; ok {
			return other, name
		}
		seen[valueField(view, name)] = name
	}
}

// ReadReplies reads replies until an error, which it returns. The values are
// valid during each.
func ReadReplies(from io.Reader, each func(kind byte, values [][]byte)) error {
	in := &replies{from: from}
	for {
		r, err := in.next()
		if err != nil {
			return err
		}
		values := make([][]byte, len(r.values))
		for i := range values {
			values[i] = r.value(i)
		}
		each(r.kind, values)
	}
}

// Slot is the slot of a key in a cluster.
var Slot = slot

package value

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"google.golang.org/protobuf/encoding/protowire"
)

// Cells are rows of a view whose values stand apart, as stores need them that
// keep a row for each feature.
type Cells struct {
	Rows   []Row        // sorted by key, each key once, without their values
	values asof.Reading // the values, by feature and row
}

// Value returns the message of feature f of row i; empty for a null.
func (c *Cells) Value(f, i int) []byte { return c.values.Value(f, i) }

// EncodeCells is Encode for a store in Feast's layout, whose entity keys have
// that version.
func EncodeCells(v *asof.FeatureView, keyVersion int, batch arrow.RecordBatch) (*Cells, error) {
	encoder, schema, err := passing(v, keyVersion)
	if err != nil {
		return nil, err
	}
	c := &Cells{values: asof.Reading{View: v, Features: v.FeatureNames()}}
	if c.Rows, err = encoder.Encode(batch); err != nil {
		return nil, err
	}
	for _, row := range c.Rows {
		c.values.Keys = append(c.values.Keys, row.Key)
	}
	c.values.Reset()
	numbers := schema.FeatureNumbers(v.Features)
	for i := range c.Rows {
		if err := Unpack(&c.values, numbers, i, c.Rows[i].Event, c.Rows[i].Packed); err != nil {
			return nil, err
		}
		c.Rows[i].Packed = nil
	}
	return c, nil
}

// EncodeKeys returns the keys of a batch of join keys, sorted, each once.
func EncodeKeys(v *asof.FeatureView, keyVersion int, batch arrow.RecordBatch) ([][]byte, error) {
	encoder, _, err := passing(v, keyVersion)
	if err != nil {
		return nil, err
	}
	return encoder.EncodeKeys(batch)
}

// passing is an encoder whose rows no store keeps.
func passing(v *asof.FeatureView, keyVersion int) (*Encoder, *Schema, error) {
	schema, err := ParseSchema("")
	if err != nil {
		return nil, nil, err
	}
	schema.Evolve(v)
	encoder, err := NewEncoder(v, keyVersion, schema)
	return encoder, schema, err
}

// NoTimestamp is how Feast writes a null UnixTimestamp, as numpy has it.
var NoTimestamp = string(AppendUnixTimestamp(nil, noTime))

// Holds reports whether a message of Feast's holds a value of the type, or an
// unset one, which is a null. A missing time is no value.
func Holds(t asof.Type, message []byte) bool {
	if string(message) == NoTimestamp {
		return false
	}
	number, typ, n := protowire.ConsumeTag(message)
	return len(message) == 0 || n > 0 && number == field(t.Value) && typ == wire(t.Value)
}

// Worthless is what a change of a view's schema makes of the rows that Feast's
// layout has for it, one for each key and feature.
type Worthless struct {
	Changed bool     // the schema is another than before
	All     bool     // the view has other join keys: no row is of use
	Gone    []string // features that the view has no more: their rows go
	Retyped []string // features of another type: their values become null
}

// EvolveFeast makes the schema that of the view.
func (s *Schema) EvolveFeast(v *asof.FeatureView) (w Worthless) {
	for name, c := range s.Columns {
		switch f := v.Feature(name); {
		case f == nil:
			w.Gone = append(w.Gone, name)
		case f.Type.String() != c.Type:
			w.Retyped = append(w.Retyped, name)
		}
	}
	w.Changed, w.All = s.Evolve(v)
	return w
}

// FeastText is what Feast keeps of a value beside its message, for searches:
// strings as they are, numbers and truths as Python prints them. Other values,
// and strings with a zero byte, have none.
func FeastText(message []byte) (text []byte, ok bool) {
	number, _, n := protowire.ConsumeTag(message)
	if n < 0 {
		return nil, false
	}
	switch asof.ValueType(number) {
	case asof.TypeString:
		text, n := protowire.ConsumeBytes(message[n:])
		return text, n >= 0 && !bytes.ContainsRune(text, 0)
	case asof.TypeBool:
		if truth, _ := protowire.ConsumeVarint(message[n:]); truth == 0 {
			return []byte("False"), true
		}
		return []byte("True"), true
	case asof.TypeInt32, asof.TypeInt64, asof.TypeFloat32, asof.TypeFloat64:
		return AppendJSON(nil, message, Printed), true
	}
	return nil, false
}

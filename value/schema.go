package value

import (
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/asof-dev/asof"
)

// Schema numbers the features of a view in one store. A packed row is a
// protobuf message of these fields, so rows that exist stay readable when
// features are added, removed, or put in another order.
//
// A number is never given twice: a feature that is removed and comes back, or
// whose type changes, gets a new one, and what the old one held is not read
// again. A writer that still knows the old definition writes under the old
// number, which nobody reads either.
type Schema struct {
	Keys    map[string]string `json:"keys"` // the join keys' types, by name
	Next    int32             `json:"next"` // the number that the next new feature gets
	Columns map[string]Column `json:"columns"`

	last atomic.Pointer[numbered] // what Numbers was asked last: a server mostly asks the same again
}

type numbered struct {
	names   []string
	numbers []int32
}

// Column is the number and the type of one feature.
type Column struct {
	Number int32  `json:"number"`
	Type   string `json:"type"`
}

// ParseSchema reads what Marshal wrote; no text is the schema of a new view.
func ParseSchema(text string) (*Schema, error) {
	s := &Schema{Next: 1, Columns: map[string]Column{}}
	if text == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, asof.Errorf(asof.CodeInternal, "the online store's own table of features is damaged: %w", err)
	}
	return s, nil
}

// Marshal returns the schema as text.
func (s *Schema) Marshal() string {
	text, _ := json.Marshal(s) // names, numbers and strings always marshal
	return string(text)
}

// Evolve makes the schema that of the view. It reports whether that changed it,
// and whether the rows are of other join keys now: those have to go.
func (s *Schema) Evolve(v *asof.FeatureView) (changed, rekeyed bool) {
	s.last.Store(nil)
	keys := map[string]string{}
	for _, k := range Keys(v) {
		keys[k.Name] = k.Type.String()
	}
	if s.Keys == nil || !maps.Equal(keys, s.Keys) {
		changed, rekeyed = true, s.Keys != nil && !maps.EqualFunc(keys, s.Keys, sameKey)
		s.Keys = keys
	}
	wanted := make(map[string]bool, len(v.Features))
	for _, f := range v.Features {
		wanted[f.Name] = true
		if c, ok := s.Columns[f.Name]; ok && c.Type == f.Type.String() {
			continue
		}
		s.Columns[f.Name] = Column{s.Next, f.Type.String()}
		s.Next++
		changed = true
	}
	for name := range s.Columns {
		if !wanted[name] {
			delete(s.Columns, name)
			changed = true
		}
	}
	return changed, rekeyed
}

// sameKey compares two types of a join key. One that was not known takes the
// type of the values, and the bytes of a key stay the same when it is found out.
func sameKey(a, b string) bool {
	unknown := asof.Scalar(asof.TypeInvalid).String()
	return a == b || a == unknown || b == unknown
}

// Numbers returns the numbers of the named features; 0, which no row has, for
// one that the schema does not know. The slice is not the caller's to change.
func (s *Schema) Numbers(names []string) []int32 {
	if last := s.last.Load(); last != nil && slices.Equal(last.names, names) {
		return last.numbers
	}
	numbers := make([]int32, len(names))
	for i, name := range names {
		numbers[i] = s.Columns[name].Number
	}
	s.last.Store(&numbered{slices.Clone(names), numbers})
	return numbers
}

// FeatureNumbers returns the numbers of a view's features; 0 for one that the
// schema does not know, or knows with another type.
func (s *Schema) FeatureNumbers(features []asof.Field) []int32 {
	numbers := make([]int32, len(features))
	for i, f := range features {
		if c := s.Columns[f.Name]; c.Type == f.Type.String() {
			numbers[i] = c.Number
		}
	}
	return numbers
}

package serving

import (
	"cmp"
	"container/heap"
	"context"
	bits "encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// Search asks for the entities whose vectors are nearest to one.
type Search struct {
	Selection           // features of one view, which has a field with vector_index
	Query     []float64 // of the vectors' length
	Top       int       // how many entities
	Metric    string    // "L2", "L1", "cosine" or "inner_product"; "" is L2. The field's own counts before it
}

// Search answers with the nearest entities, nearest first, and the distances of
// them: of L2 and L1 what they say, of cosine 1 less the cosine of the angle, of
// inner_product the product's negative. It looks at every vector of the view;
// entities without one, and those of another length, are passed over.
//
// Errors are those of Read. A view without a vector field, and an online store
// that cannot list its keys, are asof.CodeInvalid.
func (r *Reader) Search(ctx context.Context, q *Search) (*Answer, []float32, error) {
	d, err := r.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := r.permitted(ctx, d, q.Selection)
	if err != nil {
		return nil, nil, err
	}
	view, field, err := p.vector()
	if err != nil {
		return nil, nil, err
	}
	distance, err := metric(cmp.Or(field.VectorMetric, q.Metric, "L2"))
	switch {
	case err != nil:
		return nil, nil, err
	case len(q.Query) == 0:
		return nil, nil, asof.Errorf(asof.CodeInvalid, "the search has no query: send the vector to look for")
	case field.VectorLength > 0 && len(q.Query) != int(field.VectorLength):
		return nil, nil, asof.Errorf(asof.CodeInvalid, "the query has %d numbers, and vectors of feature %q of view %q have %d", len(q.Query), field.Name, view.Name, field.VectorLength)
	case q.Top < 1 || q.Top > r.MaxEntities:
		return nil, nil, asof.Errorf(asof.CodeInvalid, "top_k is %d; it has to be from 1 to %d", q.Top, r.MaxEntities)
	case r.Keys == nil:
		return nil, nil, asof.Errorf(asof.CodeInvalid, "this online store cannot be searched: it does not list its keys")
	}
	found, err := r.nearest(ctx, view, field, q, distance)
	if err != nil {
		return nil, nil, err
	}
	entities, err := p.entities(found)
	if err != nil {
		return nil, nil, err
	}
	answer, err := r.answer(ctx, p, entities)
	if err != nil {
		return nil, nil, err
	}
	distances := make([]float32, len(found))
	for i, n := range found {
		distances[i] = float32(n.distance)
	}
	return answer, distances, nil
}

// vector returns the one view of a plan, and its field of vectors.
func (p *plan) vector() (*asof.FeatureView, *asof.Field, error) {
	if len(p.readings) != 1 || len(p.computed) > 0 {
		return nil, nil, asof.Errorf(asof.CodeInvalid, "a search is for features of one feature view")
	}
	view := p.readings[0].view
	for i := range view.Features {
		if view.Features[i].VectorIndex {
			return view, &view.Features[i], nil
		}
	}
	return nil, nil, asof.Errorf(asof.CodeInvalid, "feature view %q has no vectors to search: declare a field of them with vector_index=True", view.Name)
}

// metric returns how far two vectors of one length are from one another.
func metric(name string) (func(a, b []float64) float64, error) {
	switch strings.ToLower(name) {
	case "l2", "euclidean":
		return func(a, b []float64) float64 {
			sum := 0.0
			for i := range a {
				sum += (a[i] - b[i]) * (a[i] - b[i])
			}
			return math.Sqrt(sum)
		}, nil
	case "l1":
		return func(a, b []float64) float64 {
			sum := 0.0
			for i := range a {
				sum += math.Abs(a[i] - b[i])
			}
			return sum
		}, nil
	case "cosine":
		return func(a, b []float64) float64 { return 1 - dot(a, b)/math.Sqrt(dot(a, a)*dot(b, b)) }, nil
	case "inner_product", "ip":
		return func(a, b []float64) float64 { return -dot(a, b) }, nil
	}
	return nil, asof.Errorf(asof.CodeInvalid, "the distance metric %q is not known; known: L2, L1, cosine, inner_product", name)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// neighbour is an entity and its distance.
type neighbour struct {
	key      []byte
	distance float64
}

// neighbours is a heap with the farthest on top. Of equal distances the greater
// key is farther, so that every search gives the same.
type neighbours []neighbour

func (n neighbours) Len() int           { return len(n) }
func (n neighbours) Less(i, j int) bool { return farther(n[i], n[j]) > 0 }
func (n neighbours) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *neighbours) Push(x any)        { *n = append(*n, x.(neighbour)) }
func (n *neighbours) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

func farther(a, b neighbour) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), slices.Compare(a.key, b.key))
}

// nearest looks at every vector.
func (r *Reader) nearest(ctx context.Context, view *asof.FeatureView, field *asof.Field, q *Search, distance func(a, b []float64) float64) ([]neighbour, error) {
	var near neighbours
	var vector []float64
	reading := asof.Reading{View: view, Features: []string{field.Name}}
	err := r.Keys.Keys(ctx, r.Project, view, func(keys [][]byte) error {
		reading.Keys = keys
		if err := r.readStore(ctx, []*asof.Reading{&reading}); err != nil {
			return err
		}
		for i, key := range keys {
			if vector = numbers(vector[:0], field.Type, reading.Value(0, i)); len(vector) != len(q.Query) {
				continue
			}
			n := neighbour{key, distance(q.Query, vector)}
			switch {
			case math.IsNaN(n.distance): // of a vector without a direction
			case len(near) < q.Top:
				n.key = slices.Clone(key)
				heap.Push(&near, n)
			case farther(n, near[0]) < 0:
				n.key = slices.Clone(key)
				near[0] = n
				heap.Fix(&near, 0)
			}
		}
		return nil
	})
	if err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			return nil, asof.Errorf(asof.CodeUnavailable, "the vectors of view %q could not all be looked at in time", view.Name)
		}
		return nil, unavailable(err)
	}
	slices.SortFunc(near, farther)
	return near, nil
}

// numbers appends the numbers of a list's message, none for what is no list.
func numbers(dst []float64, t asof.Type, message []byte) []float64 {
	_, typ, n := protowire.ConsumeTag(message)
	if n < 0 || typ != protowire.BytesType {
		return dst
	}
	list, _ := protowire.ConsumeBytes(message[n:])
	_, typ, n = protowire.ConsumeTag(list)
	if packed, m := protowire.ConsumeBytes(list[max(n, 0):]); n > 0 && m == len(list)-n && typ == protowire.BytesType {
		switch {
		case t.Value == asof.TypeFloat32List:
			for ; len(packed) >= 4; packed = packed[4:] {
				dst = append(dst, float64(math.Float32frombits(bits.LittleEndian.Uint32(packed))))
			}
			return dst
		case t.Value == asof.TypeFloat64List:
			for ; len(packed) >= 8; packed = packed[8:] {
				dst = append(dst, math.Float64frombits(bits.LittleEndian.Uint64(packed)))
			}
			return dst
		}
	}
	column, err := value.Decode(asof.Scalar(asof.TypeFloat64List), 1, func(int) []byte { return message }, memory.DefaultAllocator)
	if err != nil {
		return dst
	}
	defer column.Release()
	return append(dst, column.(*array.List).ListValues().(*array.Float64).Values()...)
}

// entities makes a request's columns of entity keys.
func (p *plan) entities(found []neighbour) ([]Column, error) {
	group := &p.groups[p.readings[0].group]
	columns := make([]Column, len(group.keys))
	for i, at := range group.keys {
		columns[i] = Column{Name: p.keys[at].name, Values: make([]Cell, 0, len(found))}
	}
	var values []entitykey.Value
	for _, n := range found {
		var err error
		if values, err = group.encoder.Decode(values[:0], n.key); err != nil {
			return nil, err
		}
		for i, v := range values {
			columns[i].Values = append(columns[i].Values, cellOf(v))
		}
	}
	return columns, nil
}

// cellOf is the value of a key as a request has it.
func cellOf(v entitykey.Value) Cell {
	switch v.Type() {
	case asof.TypeString:
		return Text(v.Text())
	case asof.TypeBytes:
		return Binary(v.Text())
	}
	return Whole(v.Int())
}

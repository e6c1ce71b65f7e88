package asof

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Query returns the view as an engine reads it: all of its features under
// their own names, its join keys under their own names. A view that only a
// stream feeds is CodeInvalid, since it has no history to read.
func (v *FeatureView) Query() (ViewQuery, error) {
	return (&Projection{View: v.Name, Features: v.Features}).Query(v)
}

// Query returns view v as p uses it: the features chosen, in their order, and
// the join keys under the names that the entity rows have. The types are the
// view's; a feature that the view does not have is CodeNotFound.
func (p *Projection) Query(v *FeatureView) (ViewQuery, error) {
	source := v.Source
	if source == nil && v.Stream != nil {
		source = v.Stream.Batch
	}
	if source == nil {
		return ViewQuery{}, Errorf(CodeInvalid, "feature view %q has no batch source: its history cannot be read", v.Name)
	}
	q := ViewQuery{
		View:      p.Name(),
		Source:    source,
		Timestamp: source.TimestampField,
		Created:   source.CreatedField,
		TTL:       v.MaxAge(),
	}
	column := source.columnOf()
	for _, key := range v.EntityColumns {
		if key.Name == DummyJoinKey {
			continue
		}
		k := KeyColumn{Column: column(key.Name), Entity: key.Name, Type: key.Type}
		if renamed, ok := p.JoinKeyMap[key.Name]; ok {
			k.Entity = renamed
		}
		q.Keys = append(q.Keys, k)
	}
	for _, f := range v.Features {
		q.Order, q.Ordered = append(q.Order, column(f.Name)), append(q.Ordered, f.Type)
	}
	for _, chosen := range p.Features {
		f := v.Feature(chosen.Name)
		if f == nil {
			return ViewQuery{}, Errorf(CodeNotFound, "feature view %q has no feature %q%s",
				v.Name, chosen.Name, DidYouMean(chosen.Name, v.FeatureNames()))
		}
		q.Features = append(q.Features, FeatureColumn{Column: column(f.Name), Output: f.Name, Type: f.Type})
	}
	return q, nil
}

// FeatureNames returns the names of the features, in declared order.
func (v *FeatureView) FeatureNames() []string {
	names := make([]string, len(v.Features))
	for i, f := range v.Features {
		names[i] = f.Name
	}
	return names
}

// columnOf returns the field mapping turned round: the source's column for the
// name of a feature or a join key. Where two columns map to one name, the
// first in alphabetical order is taken, so that every run takes the same.
func (s *DataSource) columnOf() func(name string) string {
	columns := make([]string, 0, len(s.FieldMapping))
	for column := range s.FieldMapping {
		columns = append(columns, column)
	}
	slices.Sort(columns)
	return func(name string) string {
		for _, column := range columns {
			if s.FieldMapping[column] == name {
				return column
			}
		}
		return name
	}
}

// Key makes a row of the view's join keys, by KeyColumn.Entity, of their values
// as text; nil for a view without entities. An empty text is NULL, which equals
// nothing: there is no row then, and null names the key. A key that the view
// does not have, that is missing, or whose text does not fit its type is
// CodeInvalid.
func (q *ViewQuery) Key(texts map[string]string) (row arrow.RecordBatch, null string, err error) {
	var names []string
	for _, k := range q.Keys {
		names = append(names, k.Entity)
	}
	for name := range texts {
		if !slices.Contains(names, name) {
			return nil, "", Errorf(CodeInvalid, "feature view %q has no join key %q%s", q.View, name, DidYouMean(name, names))
		}
	}
	var fields []arrow.Field
	var columns []arrow.Array
	mem := memory.NewGoAllocator() // nothing to release
	for _, k := range q.Keys {
		text, given := texts[k.Entity]
		if !given {
			return nil, "", Errorf(CodeInvalid, "the join key %q of feature view %q is missing; write %s=VALUE", k.Entity, q.View, k.Entity)
		}
		if text == "" {
			return nil, k.Entity, nil
		}
		b := array.NewStringBuilder(mem)
		b.Append(text)
		value, err := Cast(b.NewArray(), k.Type, mem)
		if err != nil {
			return nil, "", Errorf(CodeInvalid, "the join key %s: %w", k.Entity, err)
		}
		fields, columns = append(fields, arrow.Field{Name: k.Entity, Type: value.DataType(), Nullable: true}), append(columns, value)
	}
	if len(columns) == 0 {
		return nil, "", nil
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1), "", nil
}

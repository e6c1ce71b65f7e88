package asof

import "slices"

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

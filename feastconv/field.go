package feastconv

import (
	"maps"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

// The tags in which Feast keeps what a value type's number does not say.
const (
	structTag = "feast:struct_schema"
	nestedTag = "feast:nested_inner_type"
)

// Fields returns the fields of a message's specs: those of a view, features or
// the columns of its entities.
func Fields(specs []*core.FeatureSpecV2) []asof.Field { return decodeFields(specs) }

func decodeFields(specs []*core.FeatureSpecV2) []asof.Field {
	var fields []asof.Field
	for _, s := range specs {
		fields = append(fields, decodeField(s))
	}
	return fields
}

func decodeField(s *core.FeatureSpecV2) asof.Field {
	typ, read := decodeType(asof.ValueType(s.GetValueType()), s.GetTags())
	return asof.Field{
		Name:         s.GetName(),
		Type:         typ,
		Description:  s.GetDescription(),
		Tags:         without(s.GetTags(), read),
		VectorIndex:  s.GetVectorIndex(),
		VectorLength: s.GetVectorLength(),
		VectorMetric: s.GetVectorSearchMetric(),
	}
}

// decodeType reads a field's type, and returns the tag that it used, "" for
// none. A tag that cannot be read stays a tag of the field.
func decodeType(v asof.ValueType, tags map[string]string) (asof.Type, string) {
	switch v {
	case asof.TypeStruct, asof.TypeStructList:
		if fields, err := parseStruct(tags[structTag]); err == nil {
			return asof.Type{Value: v, Fields: fields}, structTag
		}
	case asof.TypeValueList, asof.TypeValueSet:
		if t, err := parseType(tags[nestedTag]); err == nil && t.Value == v {
			return t, nestedTag
		}
	}
	return asof.Scalar(v), ""
}

// without returns tags without one key, nil where nothing is left.
func without(tags map[string]string, key string) map[string]string {
	if _, ok := tags[key]; !ok {
		return tags
	}
	if len(tags) == 1 {
		return nil
	}
	tags = maps.Clone(tags)
	delete(tags, key)
	return tags
}

// encodeFields writes fields over the specs that were stored, by name.
func encodeFields(fields []asof.Field, old []*core.FeatureSpecV2) []*core.FeatureSpecV2 {
	byName := make(map[string]*core.FeatureSpecV2, len(old))
	for _, s := range old {
		byName[s.GetName()] = s
	}
	specs := make([]*core.FeatureSpecV2, len(fields))
	for i, f := range fields {
		specs[i] = encodeField(f, orNew(byName[f.Name]))
		delete(byName, f.Name) // each message is written once
	}
	return specs
}

func encodeField(f asof.Field, s *core.FeatureSpecV2) *core.FeatureSpecV2 {
	s.Name = f.Name
	s.ValueType = types.ValueType_Enum(f.Type.Value)
	s.Description = f.Description
	s.Tags = maps.Clone(f.Tags)
	if tag, text := typeTag(f.Type); tag != "" {
		if s.Tags == nil {
			s.Tags = map[string]string{}
		}
		s.Tags[tag] = text
	}
	s.VectorIndex = f.VectorIndex
	s.VectorLength = f.VectorLength
	s.VectorSearchMetric = f.VectorMetric
	return s
}

// typeTag returns the tag that completes a type's number, "" for none.
func typeTag(t asof.Type) (key, text string) {
	switch {
	case len(t.Fields) > 0:
		return structTag, structText(t.Fields)
	case t.Elem != nil:
		return nestedTag, typeText(t)
	}
	return "", ""
}

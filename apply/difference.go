package apply

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/asof-dev/asof"
)

// property is one field of a definition, as text that a person can read and
// that is equal exactly where the definitions are.
type property struct{ name, value string }

// difference returns the fields in which two objects of the same kind and name
// differ, by their definition; what the registry keeps beside it does not count.
func difference(old, new asof.Object) []Change {
	if o, ok := new.(*asof.Opaque); ok {
		if bytes.Equal(old.(*asof.Opaque).Meta.Stored, o.Meta.Stored) {
			return nil
		}
		return []Change{{Field: "definition", Old: "as registered", New: "as defined"}}
	}
	was, now := properties(old), properties(new)
	values := map[string]string{}
	for _, p := range was {
		values[p.name] = p.value
	}
	var changes []Change
	for _, p := range now {
		if values[p.name] != p.value {
			changes = append(changes, Change{p.name, values[p.name], p.value})
		}
		delete(values, p.name)
	}
	for _, p := range was {
		if left, ok := values[p.name]; ok && left != "" {
			changes = append(changes, Change{p.name, left, ""})
		}
	}
	return changes
}

func properties(o asof.Object) []property {
	switch o := o.(type) {
	case *asof.Project:
		return []property{{"description", o.Description}, {"tags", tags(o.Tags)}, {"owner", o.Owner}}
	case *asof.Entity:
		return []property{{"join_key", o.JoinKey}, {"value_type", asof.Scalar(o.ValueType).String()},
			{"description", o.Description}, {"tags", tags(o.Tags)}, {"owner", o.Owner}}
	case *asof.DataSource:
		return sourceProperties(o)
	case *asof.FeatureView:
		return viewProperties(o)
	case *asof.OnDemandFeatureView:
		return onDemandProperties(o)
	case *asof.FeatureService:
		return serviceProperties(o)
	}
	return nil
}

func sourceProperties(s *asof.DataSource) []property {
	all := []property{{"kind", string(s.Kind)}, {"timestamp_field", s.TimestampField}, {"created_timestamp_column", s.CreatedField},
		{"date_partition_column", s.DatePartition}, {"timestamp_is_day", yes(s.TimestampIsDay)}, {"field_mapping", tags(s.FieldMapping)},
		{"description", s.Description}, {"tags", tags(s.Tags)}, {"owner", s.Owner}, {"path", s.Path},
		{"file_format", string(s.Format)}, {"s3_endpoint_override", s.Endpoint}, {"table", s.Table}, {"query", s.Query},
		{"options", message(s.Options)}}
	all = append(all, embeddedSource("batch_source", s.Batch)...)
	return append(all, fieldProperties("schema", s.Schema)...)
}

// embeddedSource returns the properties of a source within another object: the
// registry keeps a copy there, which has to follow when the source changes.
func embeddedSource(what string, s *asof.DataSource) []property {
	if s == nil {
		return nil
	}
	all := []property{{what, s.Name}}
	for _, p := range sourceProperties(s) {
		all = append(all, property{what + " " + p.name, p.value})
	}
	return all
}

func viewProperties(v *asof.FeatureView) []property {
	ttl := "None" // which zero means too; Feast writes zero for it when it materializes
	if v.TTL != nil && *v.TTL != 0 {
		ttl = v.TTL.String()
	}
	all := []property{{"kind", string(v.Kind)}, {"entities", strings.Join(v.Entities, ", ")}, {"ttl", ttl},
		{"source_views", strings.Join(v.SourceViews, ", ")},
		{"online", yes(v.Online)}, {"offline", yes(v.Offline)}, {"enabled", yes(v.Enabled)},
		{"description", v.Description}, {"tags", tags(v.Tags)}, {"owner", v.Owner}, {"org", v.Org}, {"mode", v.Mode},
		{"version", version(v.Version)}, {"aggregations", aggregations(v.Aggregations)}, {"function", function(v.Function)},
		{"enable_validation", yes(v.Validate)}, {"timestamp_field", v.TimestampField}, {"enable_tiling", yes(v.Tiling)},
		{"tiling_hop_size", v.TilingHop.String()}, {"features", names(v.Features)}}
	all = append(all, embeddedSource("source", v.Source)...)
	all = append(all, embeddedSource("stream_source", v.Stream)...)
	all = append(all, fieldProperties("entity_column", v.EntityColumns)...)
	return append(all, fieldProperties("feature", v.Features)...)
}

func onDemandProperties(v *asof.OnDemandFeatureView) []property {
	var sources []string
	for _, s := range v.Sources {
		text := s.Name
		if s.View != nil {
			text += "=" + projection(*s.View)
		} else if s.Request != nil {
			text += "=" + s.Request.Name + "[" + typed(s.Request.Schema) + "]"
		}
		sources = append(sources, text)
	}
	slices.Sort(sources)
	all := []property{{"sources", strings.Join(sources, ", ")}, {"mode", v.Mode}, {"singleton", yes(v.Singleton)},
		{"write_to_online_store", yes(v.WriteToOnline)}, {"entities", strings.Join(v.Entities, ", ")},
		{"description", v.Description}, {"tags", tags(v.Tags)}, {"owner", v.Owner}, {"org", v.Org},
		{"version", version(v.Version)}, {"enabled", yes(v.Enabled)}, {"aggregations", aggregations(v.Aggregations)},
		{"function", function(v.Function)}, {"features", names(v.Features)}}
	all = append(all, fieldProperties("entity_column", v.EntityColumns)...)
	return append(all, fieldProperties("feature", v.Features)...)
}

func serviceProperties(s *asof.FeatureService) []property {
	all := []property{{"description", s.Description}, {"tags", tags(s.Tags)}, {"owner", s.Owner},
		{"precompute_online", yes(s.Precompute)}, {"logging", message(s.Logging)}}
	for _, p := range s.Projections {
		all = append(all, property{"features of " + p.Name(), projection(p)})
	}
	return all
}

func projection(p asof.Projection) string {
	text := p.View + "[" + typed(p.Features) + "]"
	if p.Alias != "" {
		text += " as " + p.Alias
	}
	if len(p.JoinKeyMap) > 0 {
		text += " on " + tags(p.JoinKeyMap)
	}
	if p.VersionTag != nil {
		text += fmt.Sprintf(" @v%d", *p.VersionTag)
	}
	return text
}

// fieldProperties returns a property for each field, named by what and its
// name: its type, and what else is said of it.
func fieldProperties(what string, fields []asof.Field) []property {
	var all []property
	for _, f := range fields {
		text := f.Type.String()
		if f.Description != "" {
			text += fmt.Sprintf(" %q", f.Description)
		}
		if len(f.Tags) > 0 {
			text += " " + tags(f.Tags)
		}
		if f.VectorIndex || f.VectorLength != 0 {
			text += fmt.Sprintf(" vector(%d, %t, %s)", f.VectorLength, f.VectorIndex, f.VectorMetric)
		}
		all = append(all, property{what + " " + f.Name, text})
	}
	return all
}

// message is the texts within an encoded message, and a checksum that tells
// messages apart.
func message(encoded []byte) string {
	if len(encoded) == 0 {
		return ""
	}
	texts := strings.FieldsFunc(string(encoded), func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) })
	texts = slices.DeleteFunc(texts, func(s string) bool { return utf8.RuneCountInString(strings.TrimSpace(s)) < 2 })
	return fmt.Sprintf("%s (%08x)", strings.Join(texts, " "), crc32.ChecksumIEEE(encoded))
}

func names(fields []asof.Field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name
	}
	return strings.Join(all, ", ")
}

// typed names fields with their types, of which projections keep a copy.
func typed(fields []asof.Field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name + " " + f.Type.String()
	}
	return strings.Join(all, ", ")
}

func tags(m map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k+"="+m[k])
	}
	return strings.Join(all, ", ")
}

func aggregations(list []asof.Aggregation) string {
	var all []string
	for _, a := range list {
		text := a.Function + "(" + a.Column + ")"
		if a.Window != 0 {
			text += " over " + a.Window.String()
		}
		if a.Slide != 0 && a.Slide != a.Window {
			text += " every " + a.Slide.Round(time.Second).String()
		}
		if a.Name != "" {
			text += " as " + a.Name
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func function(f *asof.Function) string {
	switch {
	case f == nil:
		return ""
	case f.Text != "":
		return f.Text
	}
	return string(f.Body)
}

// version returns a pinned version; "latest" and "" are the same.
func version(v string) string {
	if v == "latest" {
		return ""
	}
	return v
}

func yes(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

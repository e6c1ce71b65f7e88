package registryrest

import (
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// schema is a schema of the OpenAPI document.
type schema = object

var (
	text    = schema{{"type", "string"}}
	number  = schema{{"type", "number"}}
	integer = schema{{"type", "integer"}}
	boolean = schema{{"type", "boolean"}}
	texts   = schema{{"type", "object"}, {"additionalProperties", text}}
)

func refTo(name string) schema    { return schema{{"$ref", "#/components/schemas/" + name}} }
func arrayOf(of schema) schema    { return schema{{"type", "array"}, {"items", of}} }
func orNull(name string) schema   { return schema{{"type", []string{name, "null"}}} }
func mapOf(of schema) schema      { return schema{{"type", "object"}, {"additionalProperties", of}} }
func fieldsIn(of ...field) schema { return schema{{"type", "object"}, {"properties", object(of)}} }

// objectOf is an object with one field that is always there.
func objectOf(name string, of schema) schema {
	return append(fieldsIn(field{name, of}), field{"required", []string{name}})
}

// listOf is the answer of a list.
func listOf(plural, one string) schema {
	return append(fieldsIn(field{plural, arrayOf(refTo(one))}, field{"pagination", refTo("PaginationMetadata")},
		field{"relationships", mapOf(arrayOf(refTo("EntityRelation")))}), field{"required", []string{plural, "pagination"}})
}

// answersOf are the answers that are no message of the registry's.
func answersOf() object {
	relations := arrayOf(refTo("EntityRelation"))
	counts := mapOf(integer)
	return object{
		{"Error", append(fieldsIn(field{"status_code", integer}, field{"detail", text}, field{"error_type", text}), field{"required", []string{"detail"}})},
		{"Done", append(fieldsIn(field{"name", text}, field{"project", text}, field{"status", text}), field{"required", []string{"name", "project", "status"}})},
		{"Begun", append(fieldsIn(field{"job_id", text}, field{"status", text}), field{"required", []string{"job_id", "status"}})},
		{"DatasetJob", mapOf(text)},
		{"Rows", fieldsIn(field{"columns", arrayOf(text)}, field{"rows", arrayOf(mapOf(schema{}))}, field{"total_rows", integer}, field{"sample_size", integer})},
		{"Lineage", append(fieldsIn(field{"relationships", relations}, field{"indirect_relationships", relations},
			field{"relationships_pagination", refTo("PaginationMetadata")}, field{"indirect_relationships_pagination", refTo("PaginationMetadata")}),
			field{"required", []string{"relationships", "indirect_relationships"}})},
		{"Complete", append(fieldsIn(field{"project", text}, field{"relationships", relations}, field{"indirectRelationships", relations},
			field{"objects", fieldsIn(field{"entities", arrayOf(refTo("Entity"))}, field{"dataSources", arrayOf(refTo("DataSource"))}, field{"featureViews", arrayOf(refTo("AnyFeatureView"))},
				field{"labelViews", arrayOf(refTo("LabelView"))}, field{"featureServices", arrayOf(refTo("FeatureService"))}, field{"savedDatasets", arrayOf(refTo("SavedDataset"))},
				field{"features", arrayOf(refTo("Feature"))}, field{"labels", arrayOf(refTo("Feature"))})},
			field{"pagination", mapOf(refTo("PaginationMetadata"))}), field{"required", []string{"project", "objects", "relationships", "indirectRelationships"}})},
		{"Found", append(fieldsIn(field{"query", text}, field{"projects_searched", arrayOf(text)}, field{"pagination", refTo("PaginationMetadata")}, field{"errors", arrayOf(text)},
			field{"results", arrayOf(append(fieldsIn(field{"type", text}, field{"name", text}, field{"description", text}, field{"project", text}, field{"featureView", text},
				field{"labelView", text}, field{"matched_tags", texts}, field{"match_score", number}), field{"required", []string{"type", "name", "project", "matched_tags"}}))}),
			field{"required", []string{"query", "projects_searched", "results", "pagination", "errors"}})},
		{"Counts", append(fieldsIn(field{"project", text}, field{"counts", counts}, field{"total", counts}, field{"perProject", mapOf(counts)}, field{"registryLastUpdated", orNull("string")},
			field{"featureServices", arrayOf(texts)}, field{"projects", arrayOf(texts)},
			field{"featureViews", arrayOf(fieldsIn(field{"name", text}, field{"project", text}, field{"type", text}, field{"featureCount", integer}))}),
			field{"required", []string{"featureServices", "featureViews", "projects", "registryLastUpdated"}})},
		{"PopularTags", append(fieldsIn(field{"metadata", mapOf(integer)}, field{"popular_tags", arrayOf(fieldsIn(field{"tag_key", text}, field{"tag_value", text},
			field{"feature_views", arrayOf(texts)}, field{"total_feature_views", integer}))}), field{"required", []string{"metadata", "popular_tags"}})},
		{"Visits", append(fieldsIn(field{"visits", arrayOf(texts)}, field{"pagination", refTo("PaginationMetadata")}), field{"required", []string{"visits", "pagination"}})},
		{"Engine", append(fieldsIn(field{"engine", refTo("EngineInfo")}, field{"featureViews", arrayOf(fieldsIn(field{"name", text}, field{"type", text}, field{"online", boolean},
			field{"lastMaterialized", orNull("string")}, field{"hasOverride", boolean}, field{"materializationIntervals", arrayOf(refTo("MaterializationInterval"))}))}),
			field{"required", []string{"engine", "featureViews"}})},
		{"EngineInfo", fieldsIn(field{"engineType", text}, field{"engineClass", text}, field{"config", texts}, field{"featureViewCount", integer}, field{"project", text})},
		{"Engines", append(fieldsIn(field{"engines", arrayOf(refTo("EngineInfo"))}, field{"pagination", mapOf(integer)}), field{"required", []string{"engines", "pagination"}})},
		{"Jobs", append(fieldsIn(field{"jobs", arrayOf(mapOf(orNull("string")))}, field{"pagination", mapOf(integer)}), field{"required", []string{"jobs", "pagination"}})},
	}
}

// document is the OpenAPI document of the routes.
func document(all []route) []byte {
	schemas := messages{}
	for _, m := range []protoreflect.ProtoMessage{&core.Entity{}, &core.DataSource{}, &core.FeatureService{}, &core.LabelView{}, &core.SavedDataset{}, &core.Permission{}, &core.Project{},
		&core.StreamFeatureView{}, &core.OnDemandFeatureView{}, &pb.AnyFeatureView{}, &pb.Feature{}, &pb.GetObjectRelationshipsResponse{}, &core.MaterializationInterval{}} {
		schemas.add(m.ProtoReflect().Descriptor())
	}
	schemas["FeatureView"] = anyView(schemas)
	paths := map[string]object{}
	for _, r := range all {
		paths[r.path] = append(paths[r.path], field{strings.ToLower(r.method), r.operation()})
	}
	told := object{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		told = append(told, field{path, paths[path]})
	}
	known := answersOf()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		known = append(known, field{name, schemas[name]})
	}
	return appendJSON(nil, object{{"openapi", "3.1.0"},
		{"info", object{{"title", "Asof REST registry"}, {"version", "1"}, {"description", "A registry as Feast's REST registry server serves it."}}},
		{"servers", []object{{{"url", "/"}}, {{"url", prefix}}}},
		{"paths", told}, {"components", object{{"schemas", known}}}})
}

// anyView is a view of whichever kind, as lists have it.
func anyView(schemas messages) schema {
	all := []object{}
	for _, name := range []string{"FeatureView", "StreamFeatureView", "OnDemandFeatureView", "LabelView"} {
		all = append(all, schemas[name])
	}
	return schema{{"anyOf", all}}
}

var pathValue = regexp.MustCompile(`\{(\w+)`)

// operation is a route in the document.
func (r route) operation() object {
	parameters := []object{}
	for _, name := range pathValue.FindAllStringSubmatch(r.path, -1) {
		parameters = append(parameters, object{{"name", name[1]}, {"in", "path"}, {"required", true}, {"schema", text}})
	}
	for _, p := range r.parameters {
		parameters = append(parameters, object{{"name", p.name}, {"in", "query"}, {"required", p.required}, {"description", p.about}, {"schema", p.schema()}})
	}
	ok := object{{"description", r.summary}}
	if r.reply != nil {
		ok = append(ok, field{"content", object{{"application/json", object{{"schema", r.reply}}}}})
	}
	status := http.StatusOK
	if r.status != 0 {
		status = r.status
	}
	o := object{{"summary", r.summary}, {"parameters", parameters}}
	if r.body != nil {
		o = append(o, field{"requestBody", object{{"required", true}, {"content", object{{"application/json", object{{"schema", formOf(reflect.TypeOf(r.body))}}}}}}})
	}
	return append(o, field{"responses", object{{strconv.Itoa(status), ok},
		{"default", object{{"description", "What went wrong."}, {"content", object{{"application/json", object{{"schema", refTo("Error")}}}}}}}}})
}

func (p parameter) schema() schema {
	switch p.kind {
	case "array":
		return arrayOf(text)
	case "boolean":
		return boolean
	case "integer":
		s := append(slices.Clip(integer), field{"minimum", p.least})
		if p.most != 0 {
			s = append(s, field{"maximum", p.most})
		}
		return s
	}
	if p.among != nil {
		return append(slices.Clip(text), field{"enum", p.among})
	}
	return text
}

// formOf is the schema of a body.
func formOf(t reflect.Type) schema {
	switch t.Kind() {
	case reflect.Pointer:
		return formOf(t.Elem())
	case reflect.String:
		return text
	case reflect.Bool:
		return boolean
	case reflect.Slice:
		return arrayOf(formOf(t.Elem()))
	case reflect.Map:
		return texts
	case reflect.Struct:
	default:
		return integer
	}
	properties, needed := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		of := formOf(f.Type)
		if about := f.Tag.Get("about"); about != "" {
			of = append(slices.Clip(of), field{"description", about})
		}
		properties = append(properties, field{f.Tag.Get("json"), of})
		if f.Tag.Get("need") != "" {
			needed = append(needed, f.Tag.Get("json"))
		}
	}
	return schema{{"type", "object"}, {"properties", properties}, {"required", needed}}
}

// messages are the schemas of the registry's messages by their names.
type messages map[string]schema

// add adds a message and those in it.
func (s messages) add(m protoreflect.MessageDescriptor) {
	name := string(m.Name())
	if _, known := s[name]; known {
		return
	}
	s[name] = nil
	properties := object{}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Name() != "project" {
			properties = append(properties, field{f.JSONName(), s.of(f)})
		}
	}
	s[name] = schema{{"type", "object"}, {"properties", properties}}
}

// of is the schema of a message's field.
func (s messages) of(f protoreflect.FieldDescriptor) schema {
	switch {
	case f.IsMap():
		return mapOf(s.one(f.MapValue()))
	case f.IsList():
		return arrayOf(s.one(f))
	}
	return s.one(f)
}

func (s messages) one(f protoreflect.FieldDescriptor) schema {
	switch f.Kind() {
	case protoreflect.MessageKind:
		if strings.HasPrefix(string(f.Message().FullName()), "google.protobuf.") {
			return text
		}
		s.add(f.Message())
		return refTo(string(f.Message().Name()))
	case protoreflect.BoolKind:
		return boolean
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return number
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return integer
	}
	return text // texts, bytes, names of enumerations, 64-bit integers
}

package definition

import (
	"encoding/json"
	"strings"

	"go.starlark.net/starlark"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/python"
)

// otherClasses are label views, permissions and the parts of sources.
var otherClasses = []*class{
	{name: "LabelView", bases: anyView, modules: []string{"feast.labeling", "feast.labeling.label_view"}, build: newLabelView,
		params: params("name:text! source:source schema:fields entities:entities ttl:duration online:bool description:text tags:tags owner:text labeler_field:text conflict_policy:policy reference_feature_view:text")},
	enumeration("ConflictPolicy", "feast.labeling feast.labeling.conflict_policy", "LAST_WRITE_WINS LABELER_PRIORITY MAJORITY_VOTE"),
	enumeration("TransformationMode", "-feast.transformation.mode", "PYTHON PANDAS SPARK_SQL SPARK FLINK RAY SQL TRINO_SQL SUBSTRAIT"),
	enumeration("PushMode", "-feast.data_source", "ONLINE=1 OFFLINE=2 ONLINE_AND_OFFLINE=3"),
	enumeration("AuthzedAction", "-feast.permissions.action", "CREATE DESCRIBE UPDATE DELETE READ_ONLINE READ_OFFLINE WRITE_ONLINE WRITE_OFFLINE"),
	{name: "Permission", modules: []string{"-feast.permissions.permission"}, positional: 7, build: newPermission,
		params: params("name:text! types:any name_patterns:any actions:any policy:policies tags:tags required_tags:tags")},
	policyClass("RoleBasedPolicy", "roleBasedPolicy", "roles:texts!", "roles"),
	policyClass("GroupBasedPolicy", "groupBasedPolicy", "groups:texts!", "groups"),
	policyClass("NamespaceBasedPolicy", "namespaceBasedPolicy", "namespaces:texts!", "namespaces"),
	policyClass("CombinedGroupNamespacePolicy", "combinedGroupNamespacePolicy", "groups:texts! namespaces:texts!", "groups", "namespaces"),
	fileFormat("ParquetFormat", asof.FormatParquet),
	fileFormat("DeltaFormat", asof.FormatDelta),
	streamFormat("AvroFormat", "avroFormat", "schema_json"),
	streamFormat("JsonFormat", "jsonFormat", "schema_json"),
	streamFormat("ProtoFormat", "protoFormat", "class_path"),
}

// labelView is a label view, which no journey of ours uses: it is registered as
// Feast registers it.
type labelView struct {
	*asof.Opaque
	source   *asof.DataSource
	features []asof.Field
}

func newLabelView(a *arguments) starlark.Value {
	names, keys, entities := a.entities()
	columns, features := a.schema(keys, entities)
	for i, e := range entities {
		if fieldNamed(columns, keys[i]) == nil {
			of := e.ValueType
			if of == asof.TypeInvalid {
				of = asof.TypeString
			}
			columns = append(columns, asof.Field{Name: keys[i], Type: asof.Scalar(of)})
		}
	}
	l := &labelView{Opaque: &asof.Opaque{Kind: asof.KindLabelView, Name: a.text("name"), Meta: a.meta()}, features: features}
	if o := a.object("source"); o != nil {
		l.source = o.noun.(*asof.DataSource)
	}
	// A label view's message shares these fields with a feature view's.
	v := &asof.FeatureView{Name: a.text("name"), Kind: asof.ViewPlain, Entities: names, EntityColumns: columns, Features: features,
		TTL: a.ttl(asof.ViewPlain), Online: a.bool("online", true), Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"), Enabled: true}
	spec := a.encoded(v, "name", "entities", "features", "tags", "ttl", "online", "description", "owner", "entityColumns")
	spec["labelerField"], spec["conflictPolicy"] = "labeler", "LAST_WRITE_WINS"
	if a.has("labeler_field") {
		spec["labelerField"] = a.text("labeler_field")
	}
	if m, ok := a.values["conflict_policy"].(member); ok {
		spec["conflictPolicy"] = m.name
	}
	if a.has("reference_feature_view") {
		spec["referenceFeatureView"] = a.text("reference_feature_view")
	}
	if l.source != nil {
		spec["source"] = a.encoded(l.source)
	}
	if a.wrong {
		return python.Unknown
	}
	l.Meta.Stored = a.message("feast.core.LabelView", fields{"spec": spec, "meta": fields{}})
	return a.view(l, entities, features)
}

// encoded is a noun's registry message as JSON fields: those of its spec that
// are named, or the whole message.
func (a *arguments) encoded(o asof.Object, keep ...string) fields {
	encoder := &feastconv.Encoder{Object: func(asof.Kind, string) asof.Object { return nil }}
	m, err := encoder.Encode(o)
	var text []byte
	if err == nil {
		text, err = protojson.Marshal(m)
	}
	whole := fields{}
	if err == nil {
		err = json.Unmarshal(text, &whole)
	}
	if err != nil {
		a.problemAt(a.site.Place, "%s %s cannot be registered: %v", a.name, a.text("name"), err)
		return fields{}
	}
	if len(keep) == 0 {
		return whole
	}
	spec, _ := whole["spec"].(fields)
	kept := fields{}
	for _, name := range keep {
		if v, ok := spec[name]; ok {
			kept[name] = v
		}
	}
	return kept
}

// permissionTypes are the classes that a permission may cover, by the names that
// Feast registers, in the order of its ALL_RESOURCE_TYPES.
var permissionTypes = []struct{ class, name string }{
	{"Project", "PROJECT"}, {"FeatureView", "FEATURE_VIEW"}, {"OnDemandFeatureView", "ON_DEMAND_FEATURE_VIEW"},
	{"BatchFeatureView", "BATCH_FEATURE_VIEW"}, {"StreamFeatureView", "STREAM_FEATURE_VIEW"}, {"LabelView", "LABEL_VIEW"},
	{"Entity", "ENTITY"}, {"FeatureService", "FEATURE_SERVICE"}, {"DataSource", "DATA_SOURCE"},
	{"ValidationReference", "VALIDATION_REFERENCE"}, {"SavedDataset", "SAVED_DATASET"}, {"Permission", "PERMISSION"},
}

func newPermission(a *arguments) starlark.Value {
	var types, actions, patterns []string
	for _, v := range oneOrMore(a.values["types"]) {
		name := registeredType(v)
		if name == "" {
			a.problem("types", "types of permission %s holds %s, which permissions do not cover", a.text("name"), describe(v))
		}
		types = append(types, name)
	}
	if len(types) == 0 {
		for _, t := range permissionTypes {
			types = append(types, t.name)
		}
	}
	for _, v := range oneOrMore(a.values["actions"]) {
		m, ok := v.(member)
		if !ok || m.enum != "AuthzedAction" {
			a.problem("actions", "actions of permission %s holds %s; write AuthzedAction.READ_ONLINE, …, or READ, WRITE, CRUD, ALL_ACTIONS", a.text("name"), describe(v))
			continue
		}
		actions = append(actions, m.name)
	}
	if a.values["actions"] == nil {
		actions = allActions
	}
	for _, v := range oneOrMore(a.values["name_patterns"]) {
		patterns = append(patterns, python.Text(v))
	}
	policy := fields{} // AllowAll
	if o := a.object("policy"); o != nil {
		policy = o.noun.(fields)
	}
	if a.wrong {
		return python.Unknown
	}
	o := &asof.Opaque{Kind: asof.KindPermission, Name: a.text("name"), Meta: a.meta()}
	o.Meta.Stored = a.message("feast.core.Permission", fields{"spec": fields{
		"name": o.Name, "types": types, "namePatterns": patterns, "actions": actions, "policy": policy,
		"tags": a.texts("tags"), "requiredTags": a.texts("required_tags"),
	}, "meta": fields{}})
	return a.made(o)
}

var allActions = strings.Fields("CREATE DESCRIBE UPDATE DELETE READ_ONLINE READ_OFFLINE WRITE_ONLINE WRITE_OFFLINE")

// actionLists are the lists of actions that Feast names.
func actionLists(of map[string]starlark.Value) map[string]starlark.Value {
	list := func(names ...string) starlark.Value {
		var all []starlark.Value
		for _, name := range names {
			all = append(all, of[name])
		}
		return starlark.NewList(all)
	}
	return map[string]starlark.Value{
		"ALL_ACTIONS": list(allActions...), "READ": list("READ_OFFLINE", "READ_ONLINE"), "WRITE": list("WRITE_OFFLINE", "WRITE_ONLINE"),
		"CRUD": list("CREATE", "DESCRIBE", "UPDATE", "DELETE"),
	}
}

// oneOrMore is a list, or the only element of one.
func oneOrMore(v starlark.Value) []starlark.Value {
	switch v.(type) {
	case nil, starlark.NoneType:
		return nil
	case *starlark.List, starlark.Tuple:
		return elements(v)
	}
	return []starlark.Value{v}
}

func registeredType(v starlark.Value) string {
	c, ok := v.(starlark.Callable)
	if !ok {
		return ""
	}
	for _, t := range permissionTypes {
		if t.class == c.Name() || strings.HasSuffix(c.Name(), "."+t.class) {
			return t.name
		}
	}
	return ""
}

func policyClass(name, field, spec string, lists ...string) *class {
	return &class{name: name, modules: []string{"-feast.permissions.policy"}, bases: []string{"Policy"}, params: params(spec), positional: len(lists),
		build: func(a *arguments) starlark.Value {
			content := fields{}
			for _, list := range lists {
				var texts []string
				for _, v := range a.list(list) {
					texts = append(texts, python.Text(v))
				}
				content[list] = texts
			}
			return a.made(fields{field: content})
		}}
}

func fileFormat(name string, format asof.FileFormat) *class {
	return &class{name: name, modules: []string{"-feast.data_format", "-feast.table_format"}, bases: []string{"FileFormat"},
		build: func(a *arguments) starlark.Value { return a.made(format) }}
}

func streamFormat(name, field, setting string) *class {
	return &class{name: name, modules: []string{"-feast.data_format"}, bases: []string{"StreamFormat"}, params: params(setting + ":text!"), positional: 1,
		build: func(a *arguments) starlark.Value { return a.made(fields{field: fields{setting: a.text(setting)}}) }}
}

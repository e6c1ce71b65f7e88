package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

// messageJSON returns an object as the JSON of its registry message, as Feast
// shows it: without the project that it belongs to.
func messageJSON(snapshot *asof.Snapshot, object asof.Object) (json.RawMessage, error) {
	enc := feastconv.Encoder{Object: snapshot.Object}
	m, err := enc.Encode(object)
	if err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return byNumber(text, m.ProtoReflect().Descriptor())
}

// byNumber puts the keys of a message's JSON in the order of their field
// numbers, as Feast prints them, at every depth.
func byNumber(text json.RawMessage, d protoreflect.MessageDescriptor) (json.RawMessage, error) {
	if len(text) == 0 || text[0] != '{' {
		return text, nil // a well-known type that is a string in JSON
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, err
	}
	fields := make([]protoreflect.FieldDescriptor, d.Fields().Len())
	for i := range fields {
		fields[i] = d.Fields().Get(i)
	}
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	out := []byte{'{'}
	for _, f := range fields {
		value, there := values[f.JSONName()]
		if !there {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		value, err := fieldByNumber(value, f)
		if err != nil {
			return nil, err
		}
		out = append(append(strconv.AppendQuote(out, f.JSONName()), ':'), value...)
	}
	return append(out, '}'), nil
}

func fieldByNumber(value json.RawMessage, f protoreflect.FieldDescriptor) (json.RawMessage, error) {
	switch {
	case f.Message() == nil || f.IsMap():
		return value, nil
	case !f.IsList():
		return byNumber(value, f.Message())
	}
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil {
		return nil, err
	}
	for i := range items {
		var err error
		if items[i], err = byNumber(items[i], f.Message()); err != nil {
			return nil, err
		}
	}
	return json.Marshal(items)
}

// printMessage prints an object as YAML or JSON.
func (a *app) printMessage(output string, snapshot *asof.Snapshot, object asof.Object) error {
	text, err := messageJSON(snapshot, object)
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(a.stdio.Out, text)
	}
	lines, err := yaml.JSONToYAML(text)
	if err != nil {
		return asof.Errorf(asof.CodeInternal, "%s %s: %w", object.ObjectKind(), object.ObjectName(), err)
	}
	if v, ok := object.(*asof.FeatureView); ok {
		enabled := "false"
		if v.Enabled {
			enabled = "true"
		}
		lines = append(lines, "enabled: "+enabled+"\nstate: "+stateName(v.State)+"\n"...)
	}
	_, err = fmt.Fprintf(a.stdio.Out, "%s\n", lines)
	return err
}

// dumpKeys are the lists of a registry dump, by kind, as Feast names them.
var dumpKeys = map[asof.Kind]string{asof.KindDataSource: "dataSources", asof.KindEntity: "entities", asof.KindFeatureView: "featureViews",
	asof.KindOnDemandView: "onDemandFeatureViews", asof.KindService: "featureServices", asof.KindPermission: "permissions",
	asof.KindSavedDataset: "savedDatasets", asof.KindLabelView: "labelViews", asof.KindValidationRef: "validationReferences"}

// dumpRegistry returns the project as Feast's registry-dump does: lists of
// messages, sorted by name, with their keys in alphabetical order.
func dumpRegistry(snapshot *asof.Snapshot) (map[string]any, error) {
	dump := map[string]any{"project": snapshot.Project().Name}
	for kind, key := range dumpKeys {
		lists := map[string][]any{}
		for _, o := range snapshot.Objects(kind) {
			text, err := messageJSON(snapshot, o)
			if err != nil {
				return nil, err
			}
			list := key
			if v, ok := o.(*asof.FeatureView); ok && v.Kind == asof.ViewStream {
				list = "streamFeatureViews"
			}
			var message any
			if err := json.Unmarshal(text, &message); err != nil {
				return nil, err
			}
			lists[list] = append(lists[list], message)
		}
		for list, messages := range lists {
			dump[list] = messages
		}
	}
	return dump, nil
}

func valueTypeName(v asof.ValueType) string {
	if v == asof.TypeInvalid {
		return "ValueType.UNKNOWN"
	}
	return "ValueType." + types.ValueType_Enum(v).String()
}

// stateName returns a view's state as Feast prints it.
func stateName(s asof.State) string {
	return strings.TrimPrefix(core.FeatureViewState(s).String(), "FeatureViewState.")
}

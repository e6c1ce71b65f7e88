package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"

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
	return protojson.Marshal(m)
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
// messages, sorted by name.
func dumpRegistry(snapshot *asof.Snapshot) (map[string]any, error) {
	dump := map[string]any{"project": snapshot.Project().Name}
	for kind, key := range dumpKeys {
		lists := map[string][]json.RawMessage{}
		for _, o := range snapshot.Objects(kind) {
			text, err := messageJSON(snapshot, o)
			if err != nil {
				return nil, err
			}
			list := key
			if v, ok := o.(*asof.FeatureView); ok && v.Kind == asof.ViewStream {
				list = "streamFeatureViews"
			}
			lists[list] = append(lists[list], text)
		}
		for list, texts := range lists {
			dump[list] = texts
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

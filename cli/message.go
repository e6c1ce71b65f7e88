package cli

import (
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

// showViewSpec writes a ttl of None as 0, and no dummy entity.
func showViewSpec(s *core.FeatureViewSpec) {
	s.Ttl = orNoTTL(s.Ttl)
	s.Entities = withoutDummy(s.Entities)
	for _, from := range s.SourceViews {
		showViewSpec(from)
	}
}

func orNoTTL(ttl *durationpb.Duration) *durationpb.Duration {
	if ttl == nil {
		return &durationpb.Duration{}
	}
	return ttl
}

func withoutDummy(entities []string) []string {
	if len(entities) == 1 && entities[0] == asof.DummyEntity {
		return nil
	}
	return entities
}

// namesItsClass reports whether Feast writes the class of a source beside its
// kind: for sources that are not its own, and Spark's.
func namesItsClass(s *core.DataSource) bool {
	return s.Type == core.DataSource_CUSTOM_SOURCE || s.Type == core.DataSource_BATCH_SPARK
}

// printMessage prints an object as YAML or JSON.
func (a *app) printMessage(output string, held registered, object asof.Object) error {
	shown, err := held.tree(object)
	if err != nil {
		return err
	}
	if v, ok := object.(*asof.FeatureView); ok && output == "yaml" && v.Kind != asof.ViewStream {
		shown = append(shown, branch{"enabled", v.Enabled}, branch{"state", v.State.String()})
	}
	if output == "json" {
		return printFeastJSON(a.stdio.Out, shown, 2)
	}
	_, err = fmt.Fprintf(a.stdio.Out, "%s\n", feastYAML(shown))
	return err
}

// dumpKeys are the lists of a registry dump, by kind, as Feast names them.
var dumpKeys = map[asof.Kind]string{asof.KindDataSource: "dataSources", asof.KindEntity: "entities", asof.KindFeatureView: "featureViews",
	asof.KindOnDemandView: "onDemandFeatureViews", asof.KindService: "featureServices", asof.KindPermission: "permissions",
	asof.KindSavedDataset: "savedDatasets", asof.KindLabelView: "labelViews", asof.KindValidationRef: "validationReferences"}

// dump returns the project as Feast's registry-dump does: lists of
// messages, sorted by name, with their keys in alphabetical order.
func (h registered) dump() (tree, error) {
	lists := map[string][]any{}
	for kind, key := range dumpKeys {
		for _, o := range h.snapshot.Objects(kind) {
			message, err := h.tree(o)
			if err != nil {
				return nil, err
			}
			list := key
			if v, ok := o.(*asof.FeatureView); ok && v.Kind == asof.ViewStream {
				list = "streamFeatureViews"
			}
			lists[list] = append(lists[list], message)
		}
	}
	dump := tree{{"project", h.project}}
	for list, messages := range lists {
		dump = append(dump, branch{list, messages})
	}
	return dump.sorted(), nil
}

func valueTypeName(v asof.ValueType) string {
	if v == asof.TypeInvalid {
		return "ValueType.UNKNOWN"
	}
	return "ValueType." + types.ValueType_Enum(v).String()
}

package feastconv_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

// FuzzRegistry: no registry makes Decode or Encode panic, and what comes out
// of them is the same noun again.
func FuzzRegistry(f *testing.F) {
	seed, err := proto.Marshal(&core.Registry{
		Projects:    []*core.Project{{Spec: &core.ProjectSpec{Name: "p"}}},
		Entities:    []*core.Entity{{}},
		DataSources: []*core.DataSource{{Name: "s", Type: core.DataSource_BATCH_FILE}, {Name: "k", Type: core.DataSource_STREAM_KAFKA}},
		FeatureViews: []*core.FeatureView{{Spec: &core.FeatureViewSpec{
			Name: "v", Ttl: &durationpb.Duration{Seconds: 1}, Entities: []string{"e"}, StreamSource: &core.DataSource{Type: core.DataSource_PUSH_SOURCE},
			Features: []*core.FeatureSpecV2{
				{Name: "a", ValueType: types.ValueType_STRUCT, Tags: map[string]string{"feast:struct_schema": `{"x": "Array({\"__struct__\": {}})"}`}},
				{Name: "b", ValueType: types.ValueType_VALUE_SET, Tags: map[string]string{"feast:nested_inner_type": "Set(Array(Set(STRING)))"}}},
		}}},
		StreamFeatureViews:   []*core.StreamFeatureView{{}},
		OnDemandFeatureViews: []*core.OnDemandFeatureView{{Spec: &core.OnDemandFeatureViewSpec{Mode: "python"}}},
		FeatureServices:      []*core.FeatureService{{Spec: &core.FeatureServiceSpec{Features: []*core.FeatureViewProjection{{FeatureViewName: "v"}}}}},
		LabelViews:           []*core.LabelView{{}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r core.Registry
		if proto.Unmarshal(b, &r) != nil {
			return
		}
		encoder := &feastconv.Encoder{Project: "p"}
		for _, m := range messagesOf(&r) {
			o, err := feastconv.Decode(m)
			if err != nil {
				continue
			}
			again, err := encoder.Encode(o)
			if err != nil {
				continue
			}
			back, err := feastconv.Decode(again)
			if err != nil {
				t.Fatalf("what was written cannot be read: %v\n%v", err, again)
			}
			if diff := cmp.Diff(forget(o), forget(back), ignoreOpaque, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("(-once +twice):\n%s", diff)
			}
		}
	})
}

// ignoreOpaque leaves out the bytes of messages.
var ignoreOpaque = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Stored" }, cmp.Ignore())

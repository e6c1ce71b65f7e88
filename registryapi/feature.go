package registryapi

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/permission"
)

// The kinds of features in Feast's words.
const (
	kindFeature = "feature"
	kindLabel   = "label" // of a label view
)

// ListFeatures lists the features of a project's views, of all kinds.
func (s *service) ListFeatures(ctx context.Context, r *pb.ListFeaturesRequest) (*pb.ListFeaturesResponse, error) {
	answer := &pb.ListFeaturesResponse{}
	err := s.read(ctx, func(v view) error {
		var all []*pb.Feature
		for _, k := range anyView {
			if r.GetKind() != "" && r.GetKind() != k.ofFeatures() {
				continue
			}
			for _, m := range v.describable(k, r.GetProject()) {
				if r.GetFeatureView() == "" || nameOf(m) == r.GetFeatureView() {
					all = append(all, k.features(m, r.GetName())...)
				}
			}
		}
		answer.Features, answer.Pagination = arrange(all, r.GetPagination(), r.GetSorting())
		return nil
	})
	return answer, err
}

// GetFeature returns one feature of one view.
func (s *service) GetFeature(ctx context.Context, r *pb.GetFeatureRequest) (feature *pb.Feature, err error) {
	err = s.read(ctx, func(v view) error {
		if k, m := v.anyView(r.GetProject(), r.GetFeatureView()); m != nil && v.access.check(r.GetProject(), m, permission.Describe) == nil {
			if found := k.features(m, r.GetName()); len(found) > 0 {
				feature = found[0]
				return nil
			}
		}
		return feastError(codes.NotFound, "FeastObjectNotFoundException", "Feature %s not found in feature view %s in project %s",
			r.GetName(), r.GetFeatureView(), r.GetProject())
	})
	return feature, err
}

func (k kind) ofFeatures() string {
	if k == labelViews {
		return kindLabel
	}
	return kindFeature
}

// features returns the features of a view, or the one that has a name. The join
// keys that a stream view's message has among them are none.
func (k kind) features(m proto.Message, name string) []*pb.Feature {
	parts := partsOf(m)
	isKey := func(f asof.Field) bool {
		return slices.ContainsFunc(parts.columns, func(c *core.FeatureSpecV2) bool { return c.GetName() == f.Name })
	}
	var list []*pb.Feature
	for _, f := range feastconv.Fields(parts.features) {
		if name != "" && f.Name != name || isKey(f) {
			continue
		}
		list = append(list, &pb.Feature{Name: f.Name, FeatureView: nameOf(m), Type: typeText(f.Type), Description: f.Description, Tags: f.Tags,
			Owner: parts.owner, CreatedTimestamp: parts.created, LastUpdatedTimestamp: parts.updated, Kind: k.ofFeatures()})
	}
	return list
}

// typeText writes a type as Feast prints it: with the names of a struct's fields
// bare.
func typeText(t asof.Type) string {
	if elem, ok := t.Element(); ok {
		if t.IsSet() {
			return "Set(" + typeText(elem) + ")"
		}
		return "Array(" + typeText(elem) + ")"
	}
	if t.Value != asof.TypeStruct {
		return t.String()
	}
	fields := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = f.Name + ": " + typeText(f.Type)
	}
	return "Struct({" + strings.Join(fields, ", ") + "})"
}

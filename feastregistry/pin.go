package feastregistry

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
)

// ErrPinConflict is the cause of an error about a view that is pinned to one of
// its versions and changed as well.
var ErrPinConflict = errors.New("its definition has also been modified")

var versionForm = regexp.MustCompile(`^(?i:v|version)(\d+)$`)

// pinnedTo returns the number of the version that a definition names, -1 for
// the latest.
func pinnedTo(o asof.Object) (int32, error) {
	version := ""
	switch v := o.(type) {
	case *asof.FeatureView:
		version = v.Version
	case *asof.OnDemandFeatureView:
		version = v.Version
	}
	if version == "" || strings.EqualFold(version, "latest") {
		return -1, nil
	}
	if m := versionForm.FindStringSubmatch(version); m != nil {
		if n, err := strconv.ParseInt(m[1], 10, 32); err == nil {
			return int32(n), nil
		}
	}
	return -1, asof.Errorf(asof.CodeInvalid, "%s %q: version is %q; it has to be \"latest\", or v and a number", o.ObjectKind(), o.ObjectName(), version)
}

// pin returns a view that names a version as it is in that version, and the
// version's number; -1 for an object that names none. What makes no version,
// its source or ttl say, is the definition's own. A version that is not there
// is declared: it is what the definition says.
func (e *edit) pin(old, desired asof.Object) (asof.Object, int32, error) {
	number, err := pinnedTo(desired)
	if err != nil || number < 0 {
		return desired, -1, err
	}
	record := e.version(desired.ObjectName(), number)
	if record == nil {
		return desired, number, nil
	}
	was, err := decodeVersion(record)
	if err != nil {
		return nil, 0, err
	}
	if (old == nil || asof.NewVersion(old, desired)) && !e.hasVersion(desired) {
		return nil, 0, asof.Errorf(asof.CodeInvalid, "cannot pin %s %q to v%d, because %w: change the version alone, or leave it out to apply the new definition",
			desired.ObjectKind(), desired.ObjectName(), number, ErrPinConflict)
	}
	return asIn(was, desired), number, nil
}

// version returns a version of a view, nil where there is none.
func (e *edit) version(name string, number int32) *core.FeatureViewVersionRecord {
	for _, r := range e.history().Records {
		if r.ProjectId == e.project && r.FeatureViewName == name && r.VersionNumber == number {
			return r
		}
	}
	return nil
}

// hasVersion reports whether a definition is one of the versions of its view:
// that of before the pin stays in the definition files.
func (e *edit) hasVersion(desired asof.Object) bool {
	return slices.ContainsFunc(e.history().Records, func(r *core.FeatureViewVersionRecord) bool {
		if r.ProjectId != e.project || r.FeatureViewName != desired.ObjectName() {
			return false
		}
		was, err := decodeVersion(r)
		return err == nil && !asof.NewVersion(was, desired)
	})
}

func decodeVersion(r *core.FeatureViewVersionRecord) (asof.Object, error) {
	var m proto.Message
	switch r.FeatureViewType {
	case "feature_view":
		m = &core.FeatureView{}
	case "stream_feature_view":
		m = &core.StreamFeatureView{}
	case "on_demand_feature_view":
		m = &core.OnDemandFeatureView{}
	default:
		return nil, asof.Errorf(asof.CodeInvalid, "version %d of %q is of a %q, which can't be pinned", r.VersionNumber, r.FeatureViewName, r.FeatureViewType)
	}
	if err := proto.Unmarshal(r.FeatureViewProto, m); err != nil {
		return nil, fmt.Errorf("version %d of %q: %w", r.VersionNumber, r.FeatureViewName, err)
	}
	return feastconv.Decode(m)
}

// asIn returns a view with what makes a version of it taken from that version.
func asIn(version, desired asof.Object) asof.Object {
	switch d := desired.(type) {
	case *asof.FeatureView:
		if v, ok := version.(*asof.FeatureView); ok {
			c := *d
			c.Features, c.Entities, c.EntityColumns, c.SourceViews = v.Features, v.Entities, v.EntityColumns, v.SourceViews
			c.Function, c.Aggregations, c.TimestampField = v.Function, v.Aggregations, v.TimestampField
			return &c
		}
	case *asof.OnDemandFeatureView:
		if v, ok := version.(*asof.OnDemandFeatureView); ok {
			c := *d
			c.Features, c.EntityColumns, c.Function, c.Mode = v.Features, v.EntityColumns, v.Function, v.Mode
			c.Sources, c.Aggregations = v.Sources, v.Aggregations
			return &c
		}
	}
	return desired
}

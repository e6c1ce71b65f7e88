package feastregistry

import (
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// history returns the registry's version history, to change.
func (e *edit) history() *core.FeatureViewVersionHistory {
	if e.registry.FeatureViewVersionHistory == nil {
		e.registry.FeatureViewVersionHistory = &core.FeatureViewVersionHistory{}
	}
	return e.registry.FeatureViewVersionHistory
}

// historyType is the word for a kind of view in the version history, "" for a
// kind that has none. Stream views have their own, see record.
func historyType(kind asof.Kind) string {
	switch kind {
	case asof.KindFeatureView:
		return "feature_view"
	case asof.KindOnDemandView:
		return "on_demand_feature_view"
	case asof.KindLabelView:
		return "label_view"
	}
	return ""
}

// newest returns the newest version number that the history has of a view, -1
// where it has none.
func (e *edit) newest(name string) int32 {
	if e.versions == nil {
		e.versions = map[string]int32{}
		for _, r := range e.history().Records {
			if r.ProjectId == e.project {
				e.versions[r.FeatureViewName] = max(e.versions[r.FeatureViewName], r.VersionNumber)
			}
		}
	}
	if newest, ok := e.versions[name]; ok {
		return newest
	}
	return -1
}

// number gives a view that is a new version its number. A view that was
// registered before there was a history enters it as version 0.
func (e *edit) number(old, stored asof.Object) error {
	if old == nil || !asof.NewVersion(old, stored) {
		return nil
	}
	newest := e.newest(stored.ObjectName())
	if newest < 0 {
		m, err := e.encoder.Encode(old)
		if err != nil {
			return err
		}
		if err := e.record(old, m); err != nil {
			return err
		}
		newest = 0
	}
	setVersion(stored, newest+1)
	return nil
}

func setVersion(o asof.Object, number int32) {
	switch v := o.(type) {
	case *asof.FeatureView:
		v.VersionNumber = number
	case *asof.OnDemandFeatureView:
		v.VersionNumber = number
	}
}

// save adds a view to its history as a new version, where it is none of them,
// and leaves what is registered of it. It reports whether it did.
func (e *edit) save(view asof.Object) (bool, error) {
	ref := refOf(view)
	old := e.objects[ref]
	if old == nil {
		return false, asof.Errorf(asof.CodeNotFound, "%s %q is not registered, and can't be saved as a version", ref.Kind, ref.Name)
	}
	if e.hasVersion(view) {
		return false, nil
	}
	version := asof.Registered(old, view, e.now)
	if err := e.number(old, version); err != nil {
		return false, err
	}
	m, err := e.encoder.Encode(version)
	if err != nil {
		return false, err
	}
	return true, e.record(version, m)
}

// record adds a view's message to the history, where its version is not there.
func (e *edit) record(o asof.Object, m proto.Message) error {
	typ := historyType(o.ObjectKind())
	if typ == "" {
		return nil
	}
	number := int32(0)
	switch v := o.(type) {
	case *asof.FeatureView:
		number = v.VersionNumber
		if v.Kind == asof.ViewStream {
			typ = "stream_feature_view"
		}
	case *asof.OnDemandFeatureView:
		number = v.VersionNumber
	}
	if number <= e.newest(o.ObjectName()) {
		return nil
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	e.versions[o.ObjectName()] = number
	e.history().Records = append(e.history().Records, &core.FeatureViewVersionRecord{
		FeatureViewName:  o.ObjectName(),
		ProjectId:        e.project,
		VersionNumber:    number,
		FeatureViewType:  typ,
		FeatureViewProto: b,
		CreatedTimestamp: timestamppb.New(e.now),
		VersionId:        uuid.NewString(),
	})
	return nil
}

package asof

import (
	"fmt"
	"strings"
	"time"
)

// ViewKind says which of Feast's classes a feature view is.
type ViewKind string

// The kinds of feature views.
const (
	ViewPlain  ViewKind = "FeatureView"
	ViewBatch  ViewKind = "BatchFeatureView"
	ViewStream ViewKind = "StreamFeatureView"

	ViewOnDemand ViewKind = "OnDemandFeatureView" // of an on-demand view as it is stored alone
)

// State is where a view stands between definition and serving, in Feast's
// numbers: 0 unspecified, 1 created, 2 generated, 3 materializing,
// 4 available online.
type State int32

// The states. A view that nobody has given one is unspecified.
const (
	StateUnspecified     State = 0
	StateCreated         State = 1
	StateGenerated       State = 2
	StateMaterializing   State = 3
	StateAvailableOnline State = 4 // after the first materialization
)

var stateNames = []string{"STATE_UNSPECIFIED", "CREATED", "GENERATED", "MATERIALIZING", "AVAILABLE_ONLINE"}

// String returns Feast's name of the state.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("STATE_%d", s)
	}
	return stateNames[s]
}

// Next returns the states that may follow, as in Feast.
func (s State) Next() []State {
	switch s {
	case StateUnspecified:
		return []State{StateCreated}
	case StateCreated:
		return []State{StateGenerated}
	case StateGenerated, StateAvailableOnline:
		return []State{StateMaterializing}
	case StateMaterializing:
		return []State{StateAvailableOnline, StateGenerated}
	}
	return nil
}

// served says why a view with these settings gives no features, online or in
// training data: it is disabled, or in a state before its first values. One
// that is being materialized serves what it has.
func served(kind Kind, name string, enabled bool, state State) error {
	switch {
	case !enabled:
		return Errorf(CodeInvalid, "%s %q is disabled and serves no features: `feature-views enable %s`, or enabled=True in its definition and `apply`", kind, name, name)
	case state == StateCreated:
		return Errorf(CodeInvalid, "%s %q is in state %s and serves no features: `feature-views set-state %s %s`, then materialize it", kind, name, state, name, StateGenerated)
	case state == StateGenerated:
		return Errorf(CodeInvalid, "%s %q is in state %s and serves no features: materialize it", kind, name, state)
	}
	return nil
}

// Served says why the view gives no features to anybody, nil where it does.
func (v *FeatureView) Served() error { return served(KindFeatureView, v.Name, v.Enabled, v.State) }

// Served says why the view gives no features to anybody, nil where it does.
func (v *OnDemandFeatureView) Served() error {
	return served(KindOnDemandView, v.Name, v.Enabled, v.State)
}

// FeatureView is a named group of features of the same entities, read from one
// source.
type FeatureView struct {
	Name          string
	Kind          ViewKind
	Entities      []string       // entity names; empty or [DummyEntity] for a view without entities
	EntityColumns []Field        // the join keys, in the order of Entities, with their types
	Features      []Field        // in declared order
	TTL           *time.Duration // nil: None
	Source        *DataSource    // the batch source; nil where only a stream feeds the view
	Stream        *DataSource    // the push, kafka or kinesis source; may be nil
	SourceViews   []string       // chained views: the views it is computed from
	Online        bool
	Offline       bool
	Enabled       bool
	Description   string
	Tags          map[string]string
	Owner         string
	Org           string
	Mode          string
	Version       string // as pinned in the definition: "latest", "v2"
	Function      *Function
	Aggregations  []Aggregation
	Validate      bool // Feast's enable_validation: check types when materializing

	TimestampField string        // stream views: the event timestamp among the stream's columns
	Tiling         bool          // stream views: Feast's enable_tiling
	TilingHop      time.Duration // stream views: 0 for Feast's default

	VersionNumber int32
	VersionID     string
	State         State
	Intervals     []Interval // what Feast says was materialized
	Meta          Meta
}

// MaxAge returns the ttl, 0 for none: both None and a ttl of 0 mean no limit.
func (v *FeatureView) MaxAge() time.Duration {
	if v.TTL == nil {
		return 0
	}
	return *v.TTL
}

// IsVersion returns why the view is not at a version, "v2": it has one definition,
// that of its version in the registry. "latest" is any.
func (v *FeatureView) IsVersion(version string) error {
	at := fmt.Sprintf("v%d", v.VersionNumber)
	if strings.EqualFold(version, at) || strings.EqualFold(version, "latest") {
		return nil
	}
	return Errorf(CodeInvalid, "feature view %q is at version %s, and only that one is materialized: to go to another, write version=%q into its definition and `apply`", v.Name, at, version)
}

// Feature returns the feature of that name, or nil.
func (v *FeatureView) Feature(name string) *Field { return fieldNamed(v.Features, name) }

// JoinKeys returns the names of the entity columns, in their order.
func (v *FeatureView) JoinKeys() []string {
	names := make([]string, len(v.EntityColumns))
	for i, c := range v.EntityColumns {
		names[i] = c.Name
	}
	return names
}

// Function is a transformation as a definition file wrote it.
type Function struct {
	Name    string
	Text    string // the source of the function, decorator included, as Feast keeps it
	Imports string // statements of its module that it may need: imports, helpers, constants; others do no harm
	Body    []byte // as registered; made from Text when empty
	Mode    string // "pandas", "python", "substrait", …
}

// Aggregation is one aggregate of a view.
type Aggregation struct {
	Column   string
	Function string
	Name     string
	Window   time.Duration
	Slide    time.Duration
}

// OnDemandFeatureView computes features from other views and from the request,
// at the time they are asked for.
type OnDemandFeatureView struct {
	Name          string
	Sources       []OnDemandSource
	Features      []Field
	Function      *Function
	Mode          string // "pandas", "python", "substrait"
	Singleton     bool
	WriteToOnline bool
	Entities      []string
	EntityColumns []Field
	Aggregations  []Aggregation
	Description   string
	Tags          map[string]string
	Owner         string
	Org           string
	Version       string
	Enabled       bool

	VersionNumber int32
	VersionID     string
	State         State
	Meta          Meta
}

// Stored returns an on-demand view with write_to_online_store as the online
// store holds it: a view of its features, which are computed when rows are
// written. Another one is CodeInvalid.
func (v *OnDemandFeatureView) Stored() (*FeatureView, error) {
	if !v.WriteToOnline {
		return nil, Errorf(CodeInvalid, "on-demand feature view %q has write_to_online_store=False: it is computed when it is read", v.Name)
	}
	return &FeatureView{Name: v.Name, Kind: ViewOnDemand, Entities: v.Entities, EntityColumns: v.EntityColumns, Features: v.Features,
		Online: true, Enabled: v.Enabled, VersionNumber: v.VersionNumber}, nil
}

// Kept returns a view as the online store holds it: one that is online, or an
// on-demand view with write_to_online_store. For another object it is nil.
func Kept(o Object) *FeatureView {
	switch v := o.(type) {
	case *FeatureView:
		if v.Online && len(v.Features) > 0 {
			return v
		}
	case *OnDemandFeatureView:
		if stored, err := v.Stored(); err == nil && len(v.Features) > 0 {
			return stored
		}
	}
	return nil
}

// Kept returns all views that the online store holds.
func (s *Snapshot) Kept() []*FeatureView {
	var views []*FeatureView
	for _, kind := range []Kind{KindFeatureView, KindOnDemandView} {
		for _, o := range s.byKind[kind] {
			if v := Kept(o); v != nil {
				views = append(views, v)
			}
		}
	}
	return views
}

// OnDemandSource is one input of an on-demand view: a projection of a view, or
// a request source.
type OnDemandSource struct {
	Name    string
	View    *Projection
	Request *DataSource
}

func fieldNamed(fields []Field, name string) *Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

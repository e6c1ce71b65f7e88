// Package push takes rows that a client gives to the stores: to the online store
// of a feature view, or of every view that a push source feeds, and to the
// sources that hold their history.
//
// All rows are checked before any is written, and a mistake names its row and
// its column. Each store takes all rows of a view or none. The online store
// comes first: it takes the same rows again without harm, where a source would
// have them twice. So a push that failed can be sent again.
package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// To says which stores a push goes to.
type To string

// The stores, in the words of Feast's clients.
const (
	Online           To = "online"
	Offline          To = "offline"
	OnlineAndOffline To = "online_and_offline"
)

// ErrNoSource is in the chain of the CodeNotFound error about a push source that
// does not exist, or that no view reads.
var ErrNoSource = errors.New("there is no such push source")

// Pusher writes rows to the views of one project. It may be used by several
// goroutines.
type Pusher struct {
	Project  string
	Registry asof.Registry
	Online   asof.OnlineStore
	Offline  func(context.Context) (asof.OfflineStore, error) // opens it when first needed; nil: there is none
	Programs *ondemand.Programs                               // of on-demand views; nil: none is computed
	Now      func() time.Time                                 // when rows are created that do not say it; nil is time.Now

	// Permit returns why the caller of ctx may not write to the objects; nil for a
	// Pusher that everybody may use.
	Permit func(ctx context.Context, s *asof.Snapshot, to To, objects ...asof.Object) error
}

// Source returns every view that a push source feeds, by name.
func (p *Pusher) Source(ctx context.Context, name string, to To) (*Target, error) {
	switch to {
	case Online:
	case Offline, OnlineAndOffline:
	default:
		return nil, asof.Errorf(asof.CodeInvalid, "to is %q; it has to be %q, %q or %q", to, Online, Offline, OnlineAndOffline)
	}
	snapshot, err := p.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	t := &Target{pusher: p, to: to}
	var written []asof.Object
	for _, v := range snapshot.Views() {
		if v.Stream == nil || v.Stream.Kind != asof.SourcePush || v.Stream.Name != name {
			continue
		}
		t.fed = append(t.fed, v)
		if v.Online || to != Online {
			written = append(written, v)
		}
		if v.Online && to != Offline {
			t.online = append(t.online, plain(v))
		}
	}
	switch {
	case len(t.fed) == 0:
		return nil, noSource(snapshot, name)
	case len(t.online) == 0 && to != Offline:
		return nil, asof.Errorf(asof.CodeInvalid, "push source %q feeds %s, which has online=False: push to %q", name, quoted(namesOf(t.fed)), Offline)
	}
	return t, p.permit(ctx, snapshot, to, written...)
}

// noSource says why no view is fed by a source of that name.
func noSource(s *asof.Snapshot, name string) error {
	var names []string
	for _, source := range s.Sources() {
		switch {
		case source.Name == name && source.Kind == asof.SourcePush:
			return missing("no feature view reads push source %q", name)
		case source.Name == name:
			return missing("%q is a %s source, and rows are pushed to push sources", name, source.Kind)
		case source.Kind == asof.SourcePush:
			names = append(names, source.Name)
		}
	}
	return missing("push source %q does not exist in project %q%s", name, s.Project().Name, asof.DidYouMean(name, names))
}

// View returns one view: one that is online, or an on-demand view with
// write_to_online_store. The features of the latter are computed from the rows,
// unless transform is false or the rows hold them in the place of what they are
// computed from.
func (p *Pusher) View(ctx context.Context, name string, transform bool) (*Target, error) {
	snapshot, err := p.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	t := &Target{pusher: p, to: Online}
	found := object(snapshot, name)
	if found != nil {
		if err := p.permit(ctx, snapshot, Online, found); err != nil {
			return nil, err
		}
	}
	switch v := found.(type) {
	case *asof.OnDemandFeatureView:
		stored, err := v.Stored()
		if err != nil {
			return nil, err
		}
		computed := &view{FeatureView: stored}
		if transform && p.Programs != nil {
			if computed.program, err = p.Programs.Of(snapshot, v); err != nil {
				return nil, err
			}
		}
		t.online = []*view{computed}
	case *asof.FeatureView:
		if !v.Online {
			return nil, asof.Errorf(asof.CodeInvalid, "feature view %q has online=False and is not kept in the online store", name)
		}
		t.online = []*view{plain(v)}
	default:
		return nil, asof.Errorf(asof.CodeNotFound, "feature view %q does not exist in project %q%s", name, p.Project, asof.DidYouMean(name, viewNames(snapshot)))
	}
	t.fed = []*asof.FeatureView{t.online[0].FeatureView}
	return t, nil
}

// object returns the view of that name, nil where there is none.
func object(s *asof.Snapshot, name string) asof.Object {
	if v := s.Object(asof.KindFeatureView, name); v != nil {
		return v
	}
	return s.Object(asof.KindOnDemandView, name)
}

func namesOf(views []*asof.FeatureView) []string {
	names := make([]string, len(views))
	for i, v := range views {
		names[i] = v.Name
	}
	return names
}

func viewNames(s *asof.Snapshot) []string {
	names := namesOf(s.Views())
	for _, v := range s.OnDemandViews() {
		names = append(names, v.Name)
	}
	return names
}

// snapshot reads the definitions as they are now.
func (p *Pusher) snapshot(ctx context.Context) (*asof.Snapshot, error) {
	snapshot, err := p.Registry.Snapshot(ctx, p.Project)
	switch {
	case err != nil:
		return nil, unavailable(err)
	case snapshot.Project() == nil:
		return nil, asof.Errorf(asof.CodeNotFound, "project %q was never applied, so nothing can be written; run `asof apply`", p.Project)
	}
	return snapshot, nil
}

// permit returns why the caller may not write to the objects.
func (p *Pusher) permit(ctx context.Context, s *asof.Snapshot, to To, objects ...asof.Object) error {
	if p.Permit == nil {
		return nil
	}
	return p.Permit(ctx, s, to, objects...)
}

func (p *Pusher) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// missing makes an ErrNoSource.
func missing(format string, args ...any) error {
	return &asof.Error{Code: asof.CodeNotFound, Message: fmt.Sprintf(format, args...), Cause: ErrNoSource}
}

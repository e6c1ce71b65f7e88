// Package push takes rows that a client gives to the stores: to the online store
// of a feature view, or of every view that a push source feeds, and to the
// sources that hold their history.
//
// All rows are checked before any is written, and a mistake names its row and
// its column. Each store takes all rows of a view or none. The online stores
// come first: there the same rows may be sent again without harm, so after a
// failure the whole request may be.
package push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

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
	Workers  *ondemand.Workers // Python processes for on-demand functions that need one; may be nil
	Now      func() time.Time  // when rows are created that do not say it; nil is time.Now

	// Permit returns why the caller of ctx may not write to the objects; nil for a
	// Pusher that everybody may use.
	Permit func(ctx context.Context, s *asof.Snapshot, to To, objects ...asof.Object) error

	making   sync.Mutex
	version  string // of the registry, to which programs belong
	programs map[*asof.OnDemandFeatureView]*ondemand.Program
}

// Target is where rows go.
type Target struct {
	pusher *Pusher
	what   string // `push source "clicks"`, for messages
	views  []*view
	to     To
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
	t := &Target{pusher: p, what: fmt.Sprintf("push source %q", name), to: to}
	var offline []string
	var fed []asof.Object
	for _, v := range snapshot.Views() {
		switch {
		case v.Stream == nil || v.Stream.Kind != asof.SourcePush || v.Stream.Name != name:
		case !v.Online && to != Offline:
			offline = append(offline, v.Name)
		default:
			t.views, fed = append(t.views, plain(v)), append(fed, v)
		}
	}
	switch {
	case len(t.views) > 0:
		return t, p.permit(ctx, snapshot, to, fed...)
	case len(offline) > 0:
		return nil, asof.Errorf(asof.CodeInvalid, "push source %q feeds %s, which has online=False: push to %q", name, quoted(offline), Offline)
	}
	return nil, noSource(snapshot, name)
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
	t := &Target{pusher: p, what: fmt.Sprintf("feature view %q", name), to: Online}
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
		if transform {
			if computed.program, err = p.program(snapshot, v); err != nil {
				return nil, err
			}
		}
		t.views = []*view{computed}
	case *asof.FeatureView:
		if !v.Online {
			return nil, asof.Errorf(asof.CodeInvalid, "feature view %q has online=False and is not kept in the online store", name)
		}
		t.views = []*view{plain(v)}
	default:
		return nil, asof.Errorf(asof.CodeNotFound, "feature view %q does not exist in project %q%s", name, p.Project, asof.DidYouMean(name, viewNames(snapshot)))
	}
	return t, nil
}

// object returns the view of that name, nil where there is none.
func object(s *asof.Snapshot, name string) asof.Object {
	if v := s.Object(asof.KindFeatureView, name); v != nil {
		return v
	}
	return s.Object(asof.KindOnDemandView, name)
}

func viewNames(s *asof.Snapshot) []string {
	var names []string
	for _, v := range s.Views() {
		names = append(names, v.Name)
	}
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
		return nil, asof.Errorf(asof.CodeUnavailable, "project %q was never applied, so nothing can be written; run `asof apply`", p.Project)
	}
	return snapshot, nil
}

// program returns the function of an on-demand view, made when first needed.
func (p *Pusher) program(s *asof.Snapshot, v *asof.OnDemandFeatureView) (*ondemand.Program, error) {
	p.making.Lock()
	defer p.making.Unlock()
	if p.version != s.Version || p.programs == nil {
		p.version, p.programs = s.Version, map[*asof.OnDemandFeatureView]*ondemand.Program{}
	}
	if program := p.programs[v]; program != nil {
		return program, nil
	}
	keys := ondemand.Keys(v, func(name string) *asof.FeatureView {
		found, _ := s.Object(asof.KindFeatureView, name).(*asof.FeatureView)
		return found
	})
	program, err := ondemand.Compile(v, ondemand.Options{Keys: keys, Workers: p.Workers})
	if err != nil {
		return nil, err
	}
	if program.How() == ondemand.Nowhere {
		return nil, asof.Errorf(asof.CodeInvalid, "%w", program.Reason())
	}
	p.programs[v] = program
	return program, nil
}

func (p *Pusher) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// Views returns the views that are written to, on-demand views as they are
// stored.
func (t *Target) Views() []*asof.FeatureView {
	views := make([]*asof.FeatureView, len(t.views))
	for i, v := range t.views {
		views[i] = v.FeatureView
	}
	return views
}

// Write checks the rows and writes them. What the caller has to mend is
// CodeInvalid; nothing is written then.
func (t *Target) Write(ctx context.Context, columns []Column) error {
	if t.views[0].onDemand() {
		columns = oncePerRow(columns, t.views[0].JoinKeys())
	}
	rows, err := newRows(columns)
	if err != nil || rows.n == 0 {
		return err
	}
	batches := make([]arrow.RecordBatch, 0, len(t.views))
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	now := t.pusher.now()
	for _, v := range t.views {
		batch, err := v.batch(ctx, rows, now)
		if err != nil {
			return err
		}
		batches = append(batches, batch)
	}
	for i, v := range t.views {
		if err := t.pusher.write(ctx, v.FeatureView, batches[i]); err != nil {
			return t.half(err, i)
		}
	}
	return nil
}

// half says of an error what was written before it.
func (t *Target) half(err error, written int) error {
	if written == 0 {
		return err
	}
	names := make([]string, written)
	for i := range names {
		names[i] = t.views[i].Name
	}
	return asof.Errorf(asof.ErrorCode(err), "%w; %s took the rows already, and takes them again without harm", err, quoted(names))
}

// write writes rows to the online store, which is made ready for a view that it
// does not know: it was registered by a client that cannot do so.
func (p *Pusher) write(ctx context.Context, v *asof.FeatureView, batch arrow.RecordBatch) error {
	_, err := p.Online.Write(ctx, p.Project, v, batch)
	if asof.ErrorCode(err) == asof.CodeNotFound {
		if err = p.Online.Update(ctx, p.Project, []*asof.FeatureView{v}, nil); err == nil {
			_, err = p.Online.Write(ctx, p.Project, v, batch)
		}
	}
	return unavailable(err)
}

// unavailable makes an error of a store or a registry one that the caller
// cannot mend, but for values that it does not take.
func unavailable(err error) error {
	switch asof.ErrorCode(err) {
	case asof.CodeNotFound, asof.CodeUnauthenticated, asof.CodeForbidden, asof.CodeConflict:
		return asof.Errorf(asof.CodeUnavailable, "%w", err)
	}
	return err
}

// missing makes an ErrNoSource.
func missing(format string, args ...any) error {
	return &asof.Error{Code: asof.CodeNotFound, Message: fmt.Sprintf(format, args...), Cause: ErrNoSource}
}

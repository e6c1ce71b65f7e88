package memory

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Registry is an asof.Registry in memory.
type Registry struct {
	mu       sync.Mutex
	now      func() time.Time
	projects map[string]*project
	changes  int // since the registry was made: the versions of its projects
}

type project struct {
	version  int
	updated  time.Time
	objects  map[asof.Ref]asof.Object
	versions map[asof.Ref]int32 // of views: the newest version number
	saved    map[asof.Ref][]asof.Object
}

// NewRegistry makes an empty registry. now is its clock, nil for time.Now.
func NewRegistry(now func() time.Time) *Registry {
	if now == nil {
		now = time.Now
	}
	return &Registry{now: now, projects: map[string]*project{}}
}

// Snapshot returns the project as it is.
func (r *Registry) Snapshot(_ context.Context, name string) (*asof.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.projects[name].snapshot(), nil
}

// Apply changes a project.
func (r *Registry) Apply(_ context.Context, name string, change asof.Change) (*asof.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.projects[name]
	if change.Base != "" && change.Base != p.snapshot().Version {
		return nil, asof.Errorf(asof.CodeConflict, "project %q was changed by somebody else: plan again", name)
	}
	if p == nil {
		p = &project{objects: map[asof.Ref]asof.Object{}, versions: map[asof.Ref]int32{}, saved: map[asof.Ref][]asof.Object{}}
		p.objects[asof.Ref{Kind: asof.KindProject, Name: name}] = asof.Registered(nil, &asof.Project{Name: name}, r.now())
		r.projects[name] = p
	} else if change.Empty() {
		return p.snapshot(), nil
	}
	for _, ref := range change.Delete {
		delete(p.objects, ref)
		delete(p.versions, ref)
		delete(p.saved, ref)
	}
	for _, o := range change.Put {
		p.put(o, r.now())
	}
	for _, o := range change.Save {
		p.save(o)
	}
	r.touch(p)
	return p.snapshot(), nil
}

func (p *project) put(desired asof.Object, now time.Time) {
	ref := asof.Ref{Kind: desired.ObjectKind(), Name: desired.ObjectName()}
	old := p.objects[ref]
	stored := asof.Registered(old, desired, now)
	if old != nil && asof.NewVersion(old, desired) {
		p.versions[ref]++
		switch v := stored.(type) {
		case *asof.FeatureView:
			v.VersionNumber = p.versions[ref]
		case *asof.OnDemandFeatureView:
			v.VersionNumber = p.versions[ref]
		}
	}
	p.objects[ref] = stored
}

// save counts a version that only the history has.
func (p *project) save(o asof.Object) {
	ref := asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}
	if slices.ContainsFunc(p.saved[ref], func(was asof.Object) bool { return !asof.NewVersion(was, o) }) {
		return
	}
	p.saved[ref] = append(p.saved[ref], o)
	p.versions[ref]++
}

// touch gives a changed project its next version.
func (r *Registry) touch(p *project) {
	r.changes++
	p.version, p.updated = r.changes, r.now()
}

// snapshot returns the project's state; a nil project's is empty.
func (p *project) snapshot() *asof.Snapshot {
	if p == nil {
		return asof.NewSnapshot("0", time.Time{}, nil)
	}
	objects := make([]asof.Object, 0, len(p.objects))
	for _, o := range p.objects {
		objects = append(objects, o)
	}
	return asof.NewSnapshot(strconv.Itoa(p.version), p.updated, objects)
}

// RecordMaterialization adds an interval to a view.
func (r *Registry) RecordMaterialization(_ context.Context, name, view string, span asof.Interval) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.projects[name]
	old, err := p.snapshot().View(view)
	if err != nil {
		return err
	}
	p.objects[asof.Ref{Kind: asof.KindFeatureView, Name: view}] = asof.Materialized(old, span, r.now())
	r.touch(p)
	return nil
}

// Teardown removes a project.
func (r *Registry) Teardown(_ context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.projects, name)
	return nil
}

// Close does nothing.
func (r *Registry) Close() error { return nil }

package registryapi

import (
	"context"
	"slices"
	"strings"
	"sync"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/permission"
)

// rights are the permissions of the projects of one state of the registry, read
// when they are first asked for. What a connection has not committed grants
// nothing.
type rights struct {
	index *feastregistry.Index
	sets  sync.Map // *permission.Set by project
}

func (r *rights) of(project string) *permission.Set {
	if known, ok := r.sets.Load(project); ok {
		return known.(*permission.Set)
	}
	var list []*core.Permission
	for _, o := range r.index.Objects(project, permissions.field) {
		list = append(list, o.Message.(*core.Permission))
	}
	set, _ := r.sets.LoadOrStore(project, permission.NewSet(list))
	return set.(*permission.Set)
}

// rightsOf returns the permissions of a state of the registry, nil where there is
// no guard.
func (s *service) rightsOf(index *feastregistry.Index) *rights {
	if s.Guard == nil {
		return nil
	}
	known := s.rights.Load()
	if known == nil || known.index != index {
		known = &rights{index: index}
		s.rights.Store(known)
	}
	return known
}

// admitted returns the context of a call with its caller. Whether the server is
// healthy everybody may ask.
func (s *service) admitted(ctx context.Context, method string) (context.Context, error) {
	if strings.HasPrefix(method, "/"+healthpb.Health_ServiceDesc.ServiceName+"/") {
		return ctx, nil
	}
	return s.Guard.AdmitCall(ctx)
}

// access is what the caller of one call may do; the zero access allows
// everything.
type access struct {
	ctx    context.Context
	rights *rights
}

// check returns why the caller may not do all of the actions to an object of a
// project, by the project's own permissions.
func (a access) check(project string, m proto.Message, actions permission.Action) error {
	if a.rights == nil {
		return nil
	}
	return permission.CheckIn(a.ctx, a.rights.of(project), permission.OfMessage(m), actions)
}

// describable returns those of the objects that the caller may know of.
func (a access) describable(project string, all []proto.Message) []proto.Message {
	if a.rights == nil {
		return all
	}
	set := a.rights.of(project)
	kept := make([]proto.Message, 0, len(all))
	for _, m := range all {
		if permission.AllowsIn(a.ctx, set, permission.OfMessage(m), permission.Describe) {
			kept = append(kept, m)
		}
	}
	return kept
}

// checkPut returns why the caller may not put an object: what is registered of
// that name has to be theirs to know and to change, before and after; a new one
// theirs to create.
func (v view) checkPut(k kind, project string, m proto.Message) error {
	registered := v.index.Object(project, k.field, nameOf(m))
	if registered == nil {
		return v.access.check(project, m, permission.Create)
	}
	if err := v.access.check(project, registered, permission.Describe|permission.Update); err != nil {
		return err
	}
	return v.access.check(project, m, permission.Describe|permission.Update)
}

// checkProject returns why the caller may not do something to a project. One
// that is not registered is theirs to create.
func (v view) checkProject(project string, actions permission.Action) error {
	registered := v.index.Object(project, projects.field, project)
	if registered == nil {
		registered, actions = &core.Project{Spec: &core.ProjectSpec{Name: project}}, permission.Create
	}
	return v.access.check(project, registered, actions)
}

// checkKnown returns why the caller may not know of a project. Of one that is
// not registered there is nothing to know.
func (v view) checkKnown(project string) error {
	registered := v.index.Object(project, projects.field, project)
	if registered == nil {
		return nil
	}
	return v.access.check(project, registered, permission.Describe)
}

// known leaves out the relations of objects that the caller may not know of.
func (v view) known(project string, all lineage) lineage {
	if v.access.rights == nil {
		return all
	}
	hidden := map[string]bool{} // by type and name
	for _, k := range kinds {
		for _, m := range v.objects(k, project) {
			if v.access.check(project, m, permission.Describe) != nil {
				hidden[k.inLineage()+" "+nameOf(m)] = true
			}
		}
	}
	is := func(e *pb.EntityReference) bool { return hidden[e.GetType()+" "+e.GetName()] }
	return slices.DeleteFunc(all, func(r *pb.EntityRelation) bool { return is(r.GetSource()) || is(r.GetTarget()) })
}

// inLineage is what lineage calls the objects of a kind, "" for those that it
// does not tell of.
func (k kind) inLineage() string {
	switch k {
	case dataSources:
		return typeSource
	case entities:
		return typeEntity
	case featureViews, streamViews, onDemandViews:
		return typeView
	case labelViews:
		return typeLabels
	case services:
		return typeService
	case savedDatasets:
		return typeDataset
	}
	return ""
}

// checkCommit returns why the caller may not commit to a project: it has to be
// theirs to change or to create.
func (v view) checkCommit(project string) error {
	err := v.checkProject(project, permission.Update)
	if asof.ErrorCode(err) == asof.CodeForbidden && v.checkProject(project, permission.Create) == nil {
		return nil
	}
	return err
}

// described is the registry without what the caller may not know of.
func (v view) described(registry *core.Registry) *core.Registry {
	if v.access.rights == nil {
		return registry
	}
	index := feastregistry.NewIndex(registry)
	kept := &core.Registry{RegistrySchemaVersion: registry.GetRegistrySchemaVersion(), VersionId: registry.GetVersionId(), LastUpdated: registry.GetLastUpdated()}
	for _, project := range index.Projects() {
		if v.checkKnown(project) != nil {
			continue
		}
		for _, k := range kinds {
			list := kept.ProtoReflect().Mutable(kept.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(k.field))).List()
			for _, o := range index.Objects(project, k.field) {
				if v.access.check(project, o.Message, permission.Describe) == nil {
					list.Append(protoreflect.ValueOfMessage(o.Message.ProtoReflect()))
				}
			}
		}
	}
	return kept
}

// checkDataset returns why the caller may not make a dataset: what its features
// come from has to be theirs to read.
func (v view) checkDataset(d Dataset) error {
	if err := v.checkPut(savedDatasets, d.Project, datasetNamed(d.Name)); err != nil {
		return err
	}
	if d.Service != "" {
		if m := v.object(services, d.Project, d.Service); m != nil {
			return v.access.check(d.Project, m, permission.ReadOffline)
		}
		return nil // nor is there anything to read
	}
	for _, reference := range d.Features {
		name, _, _ := strings.Cut(reference, ":")
		name, _, _ = strings.Cut(name, "@")
		if _, m := v.anyView(d.Project, name); m != nil {
			if err := v.access.check(d.Project, m, permission.ReadOffline); err != nil {
				return err
			}
		}
	}
	return nil
}

func datasetNamed(name string) *core.SavedDataset {
	return &core.SavedDataset{Spec: &core.SavedDatasetSpec{Name: name}}
}

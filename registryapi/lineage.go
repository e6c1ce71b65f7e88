package registryapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// The types of objects in Feast's lineage.
const (
	typeSource  = "dataSource"
	typeEntity  = "entity"
	typeView    = "featureView"
	typeLabels  = "labelView"
	typeService = "featureService"
	typeFeature = "feature"
	typeDataset = "savedDataset"
)

var lineageTypes = []string{typeSource, typeEntity, typeView, typeLabels, typeService, typeFeature, typeDataset}

// GetRegistryLineage returns which object of a project is made of which,
// directly and through a view.
func (s *service) GetRegistryLineage(ctx context.Context, r *pb.GetRegistryLineageRequest) (*pb.GetRegistryLineageResponse, error) {
	answer := &pb.GetRegistryLineageResponse{}
	err := s.read(ctx, func(v view) error {
		if err := v.checkKnown(r.GetProject()); err != nil {
			return err
		}
		direct, indirect := lineageOf(v, r.GetProject())
		if r.GetFilterObjectType() != "" && r.GetFilterObjectName() != "" {
			direct = about(direct, r.GetFilterObjectType(), r.GetFilterObjectName())
			indirect = about(indirect, r.GetFilterObjectType(), r.GetFilterObjectName())
		}
		answer.Relationships, answer.RelationshipsPagination = arrange(direct, r.GetPagination(), r.GetSorting())
		answer.IndirectRelationships, answer.IndirectRelationshipsPagination = arrange(indirect, r.GetPagination(), r.GetSorting())
		return nil
	})
	return answer, err
}

// GetObjectRelationships returns the relations that one object has.
func (s *service) GetObjectRelationships(ctx context.Context, r *pb.GetObjectRelationshipsRequest) (*pb.GetObjectRelationshipsResponse, error) {
	if !slices.Contains(lineageTypes, r.GetObjectType()) {
		return nil, invalid("object_type is %q; it has to be one of %s", r.GetObjectType(), strings.Join(lineageTypes, ", "))
	}
	answer := &pb.GetObjectRelationshipsResponse{}
	err := s.read(ctx, func(v view) error {
		if err := v.checkKnown(r.GetProject()); err != nil {
			return err
		}
		relations, indirect := lineageOf(v, r.GetProject())
		if r.GetIncludeIndirect() {
			relations = append(relations, indirect...)
		}
		answer.Relationships, answer.Pagination = arrange(about(relations, r.GetObjectType(), r.GetObjectName()), r.GetPagination(), r.GetSorting())
		return nil
	})
	return answer, err
}

// about returns the relations from or to an object.
func about(all []*pb.EntityRelation, typ, name string) []*pb.EntityRelation {
	is := func(e *pb.EntityReference) bool { return e.GetType() == typ && e.GetName() == name }
	return slices.DeleteFunc(all, func(r *pb.EntityRelation) bool { return !is(r.GetSource()) && !is(r.GetTarget()) })
}

// lineage collects relations.
type lineage []*pb.EntityRelation

// add adds a relation, unless one end has no name.
func (l *lineage) add(sourceType, source, targetType, target string) {
	if source != "" && target != "" {
		*l = append(*l, &pb.EntityRelation{Source: &pb.EntityReference{Type: sourceType, Name: source},
			Target: &pb.EntityReference{Type: targetType, Name: target}})
	}
}

// lineageOf returns the relations of a project: direct ones, and those that go
// through a view.
func lineageOf(v view, project string) (direct, indirect lineage) {
	labels := map[string]bool{}
	for _, m := range v.objects(labelViews, project) {
		labels[nameOf(m)] = true
	}
	for _, m := range v.objects(services, project) {
		for _, p := range m.(*core.FeatureService).GetSpec().GetFeatures() {
			from := typeView
			if labels[p.GetFeatureViewName()] || p.GetViewType() == typeLabels {
				from = typeLabels
			}
			direct.add(from, p.GetFeatureViewName(), typeService, nameOf(m))
		}
	}
	for _, k := range anyView {
		for _, m := range v.objects(k, project) {
			direct.addView(k, m)
		}
	}
	direct.addDatasets(v, project)
	direct = v.known(project, direct)
	return direct, v.known(project, direct.through(v, project))
}

// addView adds what a view is made of. Features are told of the views that
// Feast tells them of.
func (l *lineage) addView(k kind, m proto.Message) {
	name, parts, to := nameOf(m), partsOf(m), typeView
	if k == labelViews {
		to = typeLabels
	}
	if k != streamViews { // Feast tells no entities of stream views
		for _, e := range parts.entities {
			l.add(typeEntity, e, to, name)
		}
	}
	if k == featureViews || k == onDemandViews {
		for _, f := range parts.features {
			l.add(typeFeature, f.GetName(), to, name)
		}
	}
	switch m := m.(type) {
	case *core.FeatureView: // of its sources Feast tells the batch source
		l.add(typeSource, m.GetSpec().GetBatchSource().GetName(), to, name)
	case *core.OnDemandFeatureView:
		sources := m.GetSpec().GetSources()
		for _, key := range slices.Sorted(maps.Keys(sources)) {
			l.add(typeSource, sources[key].GetRequestDataSource().GetName(), to, name)
			l.add(typeView, sources[key].GetFeatureViewProjection().GetFeatureViewName(), to, name)
		}
	default:
		for _, s := range parts.sources {
			l.add(typeSource, s.GetName(), to, name)
		}
	}
}

// through returns the relations over a view: from what a service's views are
// made of to the service, and from a view's entities to its sources.
func (l lineage) through(v view, project string) (indirect lineage) {
	isView := func(e *pb.EntityReference) bool { return e.GetType() == typeView || e.GetType() == typeLabels }
	into, sources := map[string][]*pb.EntityReference{}, map[string][]string{}
	for _, r := range l {
		if !isView(r.GetTarget()) {
			continue
		}
		view := r.GetTarget().GetName()
		into[view] = append(into[view], r.GetSource())
		if r.GetSource().GetType() == typeSource {
			sources[view] = append(sources[view], r.GetSource().GetName())
		}
	}
	for _, m := range v.objects(services, project) {
		for _, p := range m.(*core.FeatureService).GetSpec().GetFeatures() {
			for _, from := range into[p.GetFeatureViewName()] {
				indirect.add(from.GetType(), from.GetName(), typeService, nameOf(m))
			}
		}
	}
	for _, r := range l {
		if r.GetSource().GetType() == typeEntity && isView(r.GetTarget()) {
			for _, source := range sources[r.GetTarget().GetName()] {
				indirect.add(typeEntity, r.GetSource().GetName(), typeSource, source)
			}
		}
	}
	return indirect
}

// addDatasets adds what saved datasets were made of: a service, views, and the
// data source that reads where they are stored.
func (l *lineage) addDatasets(v view, project string) {
	at := map[string]string{} // sources by where they read
	for _, m := range v.objects(dataSources, project) {
		for s := m.(*core.DataSource); s != nil; s = s.GetBatchSource() {
			for _, location := range locations(s) {
				at[location] = nameOf(m)
			}
		}
	}
	for _, m := range v.objects(savedDatasets, project) {
		spec := m.(*core.SavedDataset).GetSpec()
		l.add(typeService, spec.GetFeatureServiceName(), typeDataset, spec.GetName())
		seen := map[string]bool{}
		for _, reference := range spec.GetFeatures() {
			view, _, whole := strings.Cut(reference, ":")
			view, _, _ = strings.Cut(view, "@")
			if whole && !seen[view] {
				seen[view] = true
				l.add(typeView, view, typeDataset, spec.GetName())
			}
		}
		told := map[string]bool{}
		for _, location := range storageLocations(spec.GetStorage()) {
			if source := at[location]; !told[source] {
				told[source] = true
				l.add(typeSource, source, typeDataset, spec.GetName())
			}
		}
	}
}

// locations are the files and tables that a source reads.
func locations(s *core.DataSource) []string {
	return filled(s.GetFileOptions().GetUri(), s.GetBigqueryOptions().GetTable(), s.GetRedshiftOptions().GetTable(),
		s.GetSnowflakeOptions().GetTable(), s.GetSparkOptions().GetPath(), s.GetSparkOptions().GetTable(),
		s.GetTrinoOptions().GetTable(), s.GetAthenaOptions().GetTable())
}

// storageLocations are the files and tables that a dataset is stored in.
func storageLocations(s *core.SavedDatasetStorage) []string {
	return filled(s.GetFileStorage().GetUri(), s.GetBigqueryStorage().GetTable(), s.GetRedshiftStorage().GetTable(),
		s.GetSnowflakeStorage().GetTable(), s.GetSparkStorage().GetPath(), s.GetSparkStorage().GetTable(),
		s.GetTrinoStorage().GetTable(), s.GetAthenaStorage().GetTable())
}

func filled(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

package registrysql

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// load reads the rows of projects into a registry message.
func (r *Registry) load(ctx context.Context, tx Tx, projects []string) (*core.Registry, error) {
	registry := &core.Registry{}
	for _, project := range slices.Compact(slices.Sorted(slices.Values(projects))) {
		if err := r.loadProject(ctx, tx, registry, project); err != nil {
			return nil, err
		}
	}
	return registry, nil
}

// ofProject is the condition on $1, a project or "" for all.
const ofProject = " WHERE (project_id = $1 OR $1 = '')"

// loadProject adds the rows of a project, or of all where it is "".
func (r *Registry) loadProject(ctx context.Context, tx Tx, registry *core.Registry, project string) error {
	for _, t := range tables {
		query := fmt.Sprintf("SELECT project_id, %s_proto FROM %s"+ofProject+" ORDER BY project_id, %s", t.noun, r.db.Table(t.table), t.name())
		err := tx.Query(ctx, query, []any{project}, func(scan func(...any) error) error {
			var owner string
			var text []byte
			if err := scan(&owner, &text); err != nil {
				return err
			}
			if err := feastregistry.Add(registry, t.field, owner, text); err != nil {
				return asof.Errorf(asof.CodeInvalid, "registry %s, table %s: %w", r.db.Where(), t.table, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := r.loadInfra(ctx, tx, registry, project); err != nil {
		return err
	}
	return r.loadHistory(ctx, tx, registry, project)
}

func (r *Registry) loadInfra(ctx context.Context, tx Tx, registry *core.Registry, project string) error {
	query := "SELECT infra_proto FROM " + r.db.Table(infraTable) + ofProject + " ORDER BY project_id, infra_name"
	return tx.Query(ctx, query, []any{project}, func(scan func(...any) error) error {
		var text []byte
		if err := scan(&text); err != nil {
			return err
		}
		if registry.Infra == nil {
			registry.Infra = &core.Infra{}
		}
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(text, registry.Infra); err != nil {
			return asof.Errorf(asof.CodeInvalid, "registry %s, table %s: %w", r.db.Where(), infraTable, err)
		}
		return nil
	})
}

func (r *Registry) loadHistory(ctx context.Context, tx Tx, registry *core.Registry, project string) error {
	query := "SELECT project_id, feature_view_name, version_number, feature_view_type, feature_view_proto, created_timestamp, coalesce(description, ''), version_id FROM " +
		r.db.Table(historyTable) + ofProject + " ORDER BY project_id, feature_view_name, version_number"
	return tx.Query(ctx, query, []any{project}, func(scan func(...any) error) error {
		v, created := &core.FeatureViewVersionRecord{}, int64(0)
		if err := scan(&v.ProjectId, &v.FeatureViewName, &v.VersionNumber, &v.FeatureViewType, &v.FeatureViewProto, &created, &v.Description, &v.VersionId); err != nil {
			return err
		}
		v.CreatedTimestamp = &timestamppb.Timestamp{Seconds: created}
		if registry.FeatureViewVersionHistory == nil {
			registry.FeatureViewVersionHistory = &core.FeatureViewVersionHistory{}
		}
		registry.FeatureViewVersionHistory.Records = append(registry.FeatureViewVersionHistory.Records, v)
		return nil
	})
}

// store writes the rows in which a project differs from before.
func (r *Registry) store(ctx context.Context, tx Tx, project string, before, after *core.Registry, now time.Time) error {
	old := map[feastregistry.Object][]byte{}
	for _, o := range feastregistry.Objects(before, project) {
		text, err := proto.Marshal(o.Message)
		if err != nil {
			return err
		}
		o.Message = nil
		old[o] = text
	}
	objects := feastregistry.Objects(after, project)
	for _, o := range objects {
		text, err := proto.Marshal(o.Message)
		if err != nil {
			return err
		}
		o.Message = nil
		if was, ok := old[o]; !ok || !bytes.Equal(was, text) {
			if err := r.put(ctx, tx, project, o, text, now); err != nil {
				return err
			}
		}
		delete(old, o)
	}
	for o := range old {
		if t, ok := tableOf(o.Field); ok {
			if err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE project_id = $1 AND %s = $2", r.db.Table(t.table), t.name()), project, o.Name); err != nil {
				return err
			}
		}
	}
	if err := r.storeHistory(ctx, tx, project, before, after); err != nil {
		return err
	}
	if err := r.storeInfra(ctx, tx, project, before, after, now); err != nil {
		return err
	}
	return r.storeMetadata(ctx, tx, project, len(objects) > 0, now)
}

func (r *Registry) put(ctx context.Context, tx Tx, project string, o feastregistry.Object, text []byte, now time.Time) error {
	t, ok := tableOf(o.Field)
	if !ok { // of older versions, which Feast's tables do not hold
		return nil
	}
	return tx.Exec(ctx, fmt.Sprintf(`INSERT INTO %[1]s (project_id, %[2]s, last_updated_timestamp, %[3]s_proto) VALUES ($1, $2, $3, $4)
 ON CONFLICT (%[4]s) DO UPDATE SET last_updated_timestamp = excluded.last_updated_timestamp, %[3]s_proto = excluded.%[3]s_proto`,
		r.db.Table(t.table), t.named(), t.noun, t.key()), project, o.Name, now.Unix(), text)
}

// storeHistory writes the versions in which a project differs from before.
func (r *Registry) storeHistory(ctx context.Context, tx Tx, project string, before, after *core.Registry) error {
	type version struct {
		view   string
		number int32
	}
	old := map[version]*core.FeatureViewVersionRecord{}
	for _, v := range before.GetFeatureViewVersionHistory().GetRecords() {
		if v.ProjectId == project {
			old[version{v.FeatureViewName, v.VersionNumber}] = v
		}
	}
	history := r.db.Table(historyTable)
	remove := func(v version) error {
		return tx.Exec(ctx, "DELETE FROM "+history+" WHERE project_id = $1 AND feature_view_name = $2 AND version_number = $3", project, v.view, v.number)
	}
	for _, v := range after.GetFeatureViewVersionHistory().GetRecords() {
		if v.ProjectId != project {
			continue
		}
		at := version{v.FeatureViewName, v.VersionNumber}
		was, known := old[at]
		delete(old, at)
		if known && proto.Equal(was, v) {
			continue
		}
		if known {
			if err := remove(at); err != nil {
				return err
			}
		}
		if err := tx.Exec(ctx, "INSERT INTO "+history+" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", v.FeatureViewName, project, v.VersionNumber,
			v.FeatureViewType, v.FeatureViewProto, v.CreatedTimestamp.GetSeconds(), v.Description, v.VersionId); err != nil {
			return err
		}
	}
	for at := range old {
		if err := remove(at); err != nil {
			return err
		}
	}
	return nil
}

// infraName is what Feast calls the only row that a project has of its
// infrastructure.
const infraName = "infra_obj"

func (r *Registry) storeInfra(ctx context.Context, tx Tx, project string, before, after *core.Registry, now time.Time) error {
	old, infra := feastregistry.Infra(before, project), feastregistry.Infra(after, project)
	if proto.Equal(old, infra) {
		return nil
	}
	text, err := proto.Marshal(infra)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "INSERT INTO "+r.db.Table(infraTable)+` (infra_name, project_id, last_updated_timestamp, infra_proto) VALUES ($1, $2, $3, $4)
 ON CONFLICT (infra_name, project_id) DO UPDATE SET last_updated_timestamp = excluded.last_updated_timestamp, infra_proto = excluded.infra_proto`,
		infraName, project, now.Unix(), text)
}

// storeMetadata keeps what Feast keeps of a project: when it changed, and an id
// of its own. Nothing is left of a project that is gone.
func (r *Registry) storeMetadata(ctx context.Context, tx Tx, project string, lives bool, now time.Time) error {
	metadata := r.db.Table(metadataTable)
	if !lives {
		if err := tx.Exec(ctx, "DELETE FROM "+r.db.Table(infraTable)+" WHERE project_id = $1", project); err != nil {
			return err
		}
		return tx.Exec(ctx, "DELETE FROM "+metadata+" WHERE project_id = $1", project)
	}
	seconds := now.Unix()
	err := tx.Exec(ctx, "INSERT INTO "+metadata+` VALUES ($1, 'project_uuid', $2, $3) ON CONFLICT DO NOTHING`, project, uuid.NewString(), seconds)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "INSERT INTO "+metadata+` VALUES ($1, 'last_updated_timestamp', $2, $3) ON CONFLICT (project_id, metadata_key)
 DO UPDATE SET metadata_value = excluded.metadata_value, last_updated_timestamp = excluded.last_updated_timestamp`, project, strconv.FormatInt(seconds, 10), seconds)
}

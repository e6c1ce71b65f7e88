package postgres

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// registryTable is one of Feast's tables: the field of the registry message
// whose messages it holds, and the word that its columns' names begin with.
type registryTable struct {
	table, field, noun string
	extra              string // columns that Feast has beside
}

const metadataColumn = ", user_metadata bytea"

var registryTables = []registryTable{
	{"projects", "projects", "project", ", project_name varchar(255) NOT NULL"},
	{"entities", "entities", "entity", ""},
	{"data_sources", "data_sources", "data_source", ""},
	{"feature_views", "feature_views", "feature_view", ", materialized_intervals bytea" + metadataColumn},
	{"stream_feature_views", "stream_feature_views", "feature_view", metadataColumn},
	{"on_demand_feature_views", "on_demand_feature_views", "feature_view", metadataColumn},
	{"label_views", "label_views", "feature_view", metadataColumn},
	{"feature_services", "feature_services", "feature_service", ""},
	{"permissions", "permissions", "permission", ""},
	{"saved_datasets", "saved_datasets", "saved_dataset", ""},
	{"validation_references", "validation_references", "validation_reference", ""},
}

// registryExtras are the tables beside those of the objects.
var registryExtras = []struct{ name, layout string }{
	{"feature_view_version_history", `CREATE TABLE %s (feature_view_name varchar(255) NOT NULL, project_id varchar(255) NOT NULL,
 version_number integer NOT NULL, feature_view_type varchar(50) NOT NULL, feature_view_proto bytea NOT NULL,
 created_timestamp bigint NOT NULL, description text, version_id varchar(36) NOT NULL,
 PRIMARY KEY (feature_view_name, project_id, version_number))`},
	{"feast_metadata", `CREATE TABLE %s (project_id varchar(255) NOT NULL, metadata_key varchar(50) NOT NULL,
 metadata_value text NOT NULL, last_updated_timestamp bigint NOT NULL, PRIMARY KEY (project_id, metadata_key))`},
	{"managed_infra", `CREATE TABLE %s (infra_name varchar(255) NOT NULL, project_id varchar(255) NOT NULL,
 last_updated_timestamp bigint NOT NULL, infra_proto bytea NOT NULL, PRIMARY KEY (infra_name, project_id))`},
}

// name returns the column of an object's name. A project is known by its id.
func (t registryTable) name() string {
	if t.noun == "project" {
		return "project_id"
	}
	return t.noun + "_name"
}

func (t registryTable) layout() string {
	if t.noun == "project" {
		return "CREATE TABLE %s (project_id varchar(255) PRIMARY KEY, last_updated_timestamp bigint NOT NULL, project_proto bytea NOT NULL" + t.extra + ")"
	}
	return fmt.Sprintf("CREATE TABLE %%s (%s varchar(255) NOT NULL, project_id varchar(255) NOT NULL, last_updated_timestamp bigint NOT NULL, "+
		"%s_proto bytea NOT NULL%s, PRIMARY KEY (%s, project_id))", t.name(), t.noun, t.extra, t.name())
}

// fingerprint renders the query for a text that changes whenever an object of
// the project $1 does.
func (r *Registry) fingerprint() string {
	parts := make([]string, len(registryTables))
	for i, t := range registryTables {
		parts[i] = fmt.Sprintf("coalesce((SELECT string_agg(md5(%s_proto), '' ORDER BY %s) FROM %s WHERE project_id = $1), '-')",
			t.noun, t.name(), r.db.qualified(t.table))
	}
	return "SELECT md5(" + strings.Join(parts, " || ") + ")"
}

// store writes the rows in which a project differs from before.
func (r *Registry) store(ctx context.Context, tx pgx.Tx, project string, before, after *core.Registry, now time.Time) error {
	old := map[string][]byte{}
	for _, o := range feastregistry.Objects(before, project) {
		text, err := proto.Marshal(o.Message)
		if err != nil {
			return err
		}
		old[o.Field+"\x00"+o.Name] = text
	}
	for _, o := range feastregistry.Objects(after, project) {
		text, err := proto.Marshal(o.Message)
		if err != nil {
			return err
		}
		key := o.Field + "\x00" + o.Name
		if was, ok := old[key]; !ok || !bytes.Equal(was, text) {
			if err := r.put(ctx, tx, project, o, text, now); err != nil {
				return err
			}
		}
		delete(old, key)
	}
	for key := range old {
		field, name, _ := strings.Cut(key, "\x00")
		t := tableOf(field)
		if _, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE project_id = $1 AND %s = $2", r.db.qualified(t.table), t.name()), project, name); err != nil {
			return err
		}
	}
	if err := r.storeHistory(ctx, tx, project, after); err != nil {
		return err
	}
	return r.storeMetadata(ctx, tx, project, len(feastregistry.Objects(after, project)) > 0, now)
}

func tableOf(field string) registryTable {
	for _, t := range registryTables {
		if t.field == field {
			return t
		}
	}
	panic("no table of " + field)
}

func (r *Registry) put(ctx context.Context, tx pgx.Tx, project string, o feastregistry.Object, text []byte, now time.Time) error {
	t := tableOf(o.Field)
	other := t.name() // a project has its name twice, the others name and project
	if t.noun == "project" {
		other = "project_name"
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`INSERT INTO %[1]s (project_id, %[2]s, last_updated_timestamp, %[3]s_proto) VALUES ($1, $2, $3, $4)
 ON CONFLICT (%[4]s) DO UPDATE SET last_updated_timestamp = excluded.last_updated_timestamp, %[3]s_proto = excluded.%[3]s_proto`,
		r.db.qualified(t.table), other, t.noun, t.key()), project, o.Name, now.Unix(), text)
	return err
}

// key returns the columns of the table's primary key.
func (t registryTable) key() string {
	if t.noun == "project" {
		return "project_id"
	}
	return t.name() + ", project_id"
}

func (r *Registry) loadHistory(ctx context.Context, tx pgx.Tx, project string, registry *core.Registry) error {
	rows, err := tx.Query(ctx, "SELECT feature_view_name, version_number, feature_view_type, feature_view_proto, created_timestamp, coalesce(description, ''), version_id FROM "+
		r.db.qualified("feature_view_version_history")+" WHERE project_id = $1 ORDER BY feature_view_name, version_number", project)
	if err != nil {
		return err
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*core.FeatureViewVersionRecord, error) {
		v := &core.FeatureViewVersionRecord{ProjectId: project}
		var created int64
		err := row.Scan(&v.FeatureViewName, &v.VersionNumber, &v.FeatureViewType, &v.FeatureViewProto, &created, &v.Description, &v.VersionId)
		v.CreatedTimestamp = &timestamppb.Timestamp{Seconds: created}
		return v, err
	})
	if len(records) > 0 {
		registry.FeatureViewVersionHistory = &core.FeatureViewVersionHistory{Records: records}
	}
	return err
}

// storeHistory writes the project's versions as they are after an edit.
func (r *Registry) storeHistory(ctx context.Context, tx pgx.Tx, project string, after *core.Registry) error {
	table := r.db.qualified("feature_view_version_history")
	if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE project_id = $1", project); err != nil {
		return err
	}
	for _, v := range after.GetFeatureViewVersionHistory().GetRecords() {
		if _, err := tx.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", v.FeatureViewName, project, v.VersionNumber,
			v.FeatureViewType, v.FeatureViewProto, v.CreatedTimestamp.GetSeconds(), v.Description, v.VersionId); err != nil {
			return err
		}
	}
	return nil
}

// storeMetadata keeps what Feast keeps of a project: when it changed, and an id
// of its own.
func (r *Registry) storeMetadata(ctx context.Context, tx pgx.Tx, project string, lives bool, now time.Time) error {
	table := r.db.qualified("feast_metadata")
	if !lives {
		_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE project_id = $1", project)
		return err
	}
	seconds := now.Unix()
	_, err := tx.Exec(ctx, "INSERT INTO "+table+` VALUES ($1, 'project_uuid', $2, $3) ON CONFLICT DO NOTHING`, project, uuid.NewString(), seconds)
	if err == nil {
		_, err = tx.Exec(ctx, "INSERT INTO "+table+` VALUES ($1, 'last_updated_timestamp', $2, $3) ON CONFLICT (project_id, metadata_key)
 DO UPDATE SET metadata_value = excluded.metadata_value, last_updated_timestamp = excluded.last_updated_timestamp`, project, strconv.FormatInt(seconds, 10), seconds)
	}
	return err
}

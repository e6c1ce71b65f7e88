package registrysql

import "fmt"

// Layout is a table of Feast's, in SQL without the name of the table: its
// columns, with %s for the type of bytes.
type Layout struct{ Name, Columns string }

// Layouts are all of the tables, those of the objects first.
func Layouts() []Layout {
	var all []Layout
	for _, t := range tables {
		all = append(all, Layout{t.table, t.layout()})
	}
	return append(all, extras...)
}

// table is one of Feast's tables of objects: the field of the registry message
// whose messages it holds, and the word that its columns' names begin with.
type table struct {
	table, field, noun string
	extra              string // columns that Feast has beside
}

const metadataColumn = ", user_metadata %[1]s"

var tables = []table{
	{"projects", "projects", "project", ", project_name varchar(255) NOT NULL"},
	{"entities", "entities", "entity", ""},
	{"data_sources", "data_sources", "data_source", ""},
	{"feature_views", "feature_views", "feature_view", ", materialized_intervals %[1]s" + metadataColumn},
	{"stream_feature_views", "stream_feature_views", "feature_view", metadataColumn},
	{"on_demand_feature_views", "on_demand_feature_views", "feature_view", metadataColumn},
	{"label_views", "label_views", "feature_view", metadataColumn},
	{"feature_services", "feature_services", "feature_service", ""},
	{"permissions", "permissions", "permission", ""},
	{"saved_datasets", "saved_datasets", "saved_dataset", ""},
	{"validation_references", "validation_references", "validation_reference", ""},
}

// The tables beside those of the objects.
const (
	historyTable  = "feature_view_version_history"
	metadataTable = "feast_metadata"
	infraTable    = "managed_infra"
)

var extras = []Layout{
	{historyTable, `(feature_view_name varchar(255) NOT NULL, project_id varchar(255) NOT NULL,
 version_number integer NOT NULL, feature_view_type varchar(50) NOT NULL, feature_view_proto %[1]s NOT NULL,
 created_timestamp bigint NOT NULL, description text, version_id varchar(36) NOT NULL,
 PRIMARY KEY (feature_view_name, project_id, version_number))`},
	{metadataTable, `(project_id varchar(255) NOT NULL, metadata_key varchar(50) NOT NULL,
 metadata_value text NOT NULL, last_updated_timestamp bigint NOT NULL, PRIMARY KEY (project_id, metadata_key))`},
	{infraTable, `(infra_name varchar(255) NOT NULL, project_id varchar(255) NOT NULL,
 last_updated_timestamp bigint NOT NULL, infra_proto %[1]s NOT NULL, PRIMARY KEY (infra_name, project_id))`},
}

// name returns the column of an object's name. A project is known by its id.
func (t table) name() string {
	if t.noun == "project" {
		return "project_id"
	}
	return t.noun + "_name"
}

func (t table) layout() string {
	if t.noun == "project" {
		return "(project_id varchar(255) PRIMARY KEY, last_updated_timestamp bigint NOT NULL, project_proto %[1]s NOT NULL" + t.extra + ")"
	}
	return fmt.Sprintf("(%s varchar(255) NOT NULL, project_id varchar(255) NOT NULL, last_updated_timestamp bigint NOT NULL, "+
		"%s_proto %%[1]s NOT NULL%s, PRIMARY KEY (%s, project_id))", t.name(), t.noun, t.extra, t.name())
}

// key returns the columns of the table's primary key.
func (t table) key() string {
	if t.noun == "project" {
		return "project_id"
	}
	return t.name() + ", project_id"
}

// named returns the column that holds the name beside the project's id: a
// project has its name twice.
func (t table) named() string {
	if t.noun == "project" {
		return "project_name"
	}
	return t.name()
}

func tableOf(field string) (table, bool) {
	for _, t := range tables {
		if t.field == field {
			return t, true
		}
	}
	return table{}, false
}

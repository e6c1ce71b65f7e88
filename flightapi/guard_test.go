package flightapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// bearer sends a token with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return false }

// TestACallReadsNoMoreThanItNames: a reader of one view and its source comes to
// no other by saying one thing and asking for another.
func TestACallReadsNoMoreThanItNames(t *testing.T) {
	o := fleet(t)
	spec := &core.PermissionSpec{Name: "readers", Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_READ_OFFLINE},
		NamePatterns: []string{"trips", "trips_fv"}, Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{"reader"}}}}}
	stored, err := proto.Marshal(&core.Permission{Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	secret := &asof.DataSource{Name: "secret", Kind: asof.SourcePostgres, Table: "secret", TimestampField: "event_timestamp"}
	view := &asof.FeatureView{Name: "secret_fv", Kind: asof.ViewPlain, Entities: []string{"driver"}, EntityColumns: []asof.Field{{Name: "driver_id", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.Field{{Name: "trips", Type: asof.Scalar(asof.TypeInt64)}}, Source: secret, Online: true, Enabled: true}
	dataset, err := proto.Marshal(&core.SavedDataset{Spec: &core.SavedDatasetSpec{Name: "trips_of_all", Storage: &core.SavedDatasetStorage{
		Kind: &core.SavedDatasetStorage_FileStorage{FileStorage: &core.DataSource_FileOptions{Uri: "all.parquet"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	change := asof.Change{Put: []asof.Object{secret, view, &asof.Opaque{Kind: asof.KindPermission, Name: "readers", Meta: asof.Meta{Stored: stored}},
		&asof.Opaque{Kind: asof.KindSavedDataset, Name: "trips_of_all", Meta: asof.Meta{Stored: dataset}}}}
	if _, err := o.Registry.(*memory.Registry).Apply(t.Context(), "fleet", change); err != nil {
		t.Fatal(err)
	}
	issuer := storetest.NewIssuer(t)
	if o.Guard, err = permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Guard.Close() })
	client := dial(t, start(t, o), grpc.WithPerRPCCredentials(bearer(issuer.Token(map[string]any{"roles": []string{"reader"}}))))
	source := func(name, table string) string {
		text, err := protojson.Marshal(&core.DataSource{Name: name, Type: core.DataSource_CUSTOM_SOURCE, TimestampField: "event_timestamp",
			DataSourceClassType: "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource",
			Options:             &core.DataSource_CustomOptions{CustomOptions: &core.DataSource_CustomSourceOptions{Configuration: fmt.Appendf(nil, `{"name": %q, "query": "", "table": %q}`, name, table)}}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"api": "get_table_column_names_and_types_from_data_source", "data_source_proto": %q}`, text)
	}
	pull := `{"api": "pull_all_from_table_or_query", "data_source_name": "%s", "join_key_columns": ["driver_id"], "feature_name_columns": ["trips"],
 "timestamp_field": "event_timestamp", "start_date": null, "end_date": null}`
	rows := drivers(3, "")
	defer rows.Release()
	asked := fmt.Sprintf(trips, "a")
	for _, command := range []string{asked, fmt.Sprintf(pull, "trips"), source("trips", "trips")} {
		if n, err := exchange(t, client, command, rows, 1); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", command, n, err)
		}
	}
	for command, want := range map[string]string{
		strings.Replace(asked, `["trips_fv:trips"]`, `["secret_fv:trips"]`, 1):                       "READ_OFFLINE feature view secret_fv",
		strings.Replace(asked, `["trips_fv"]`, `["secret_fv"]`, 1):                                   "READ_OFFLINE feature view secret_fv",
		strings.Replace(asked, `"project"`, `"entity_df_sql": "SELECT * FROM secret", "project"`, 1): "READ_OFFLINE data source secret",
		fmt.Sprintf(pull, "secret"):      "READ_OFFLINE data source secret",
		fmt.Sprintf(pull, "all.parquet"): "READ_OFFLINE saved dataset trips_of_all",
		source("trips", "secret"):        "UPDATE data source trips",
		source("new", "secret"):          "CREATE data source new",
	} {
		_, err := exchange(t, client, command, rows, 1)
		says(t, err, "FeastPermissionError", want)
	}
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2" // writes the Parquet files
)

// views are the feature views, and how their features are made.
var views = []struct{ name, columns string }{
	{"profile", "(random() * 72)::BIGINT AS months, (18 + random() * 100)::FLOAT AS fee, random() < 0.6 AS paperless, " +
		"['DSL', 'Fiber optic', 'No'][1 + (random() * 2.99)::INT] AS service, (random() * 4)::BIGINT AS plan"},
	{"usage", "(random() * 50)::FLOAT AS hours, (random() * 30)::FLOAT AS minutes, (random() * 3)::BIGINT AS devices, (random() * 14)::BIGINT AS skips"},
	{"support", "(random() * 4)::BIGINT AS tickets, (random() * 25)::FLOAT AS resolution"},
}

// makeSources writes a Parquet file for each view, in no order.
func makeSources(ctx context.Context, o options) error {
	for _, v := range views {
		if err := makeSource(ctx, filepath.Join(o.dir, v.name+".parquet"), v.columns, o.users, o.months); err != nil {
			return err
		}
	}
	return nil
}

// makeSource writes the rows of so many users, one a month.
func makeSource(ctx context.Context, path, columns string, users, months int) error {
	return child(ctx, "query", fmt.Sprintf("COPY (SELECT printf('%%07d-USER', u) AS user_id, TIMESTAMP '2023-01-31' + to_months(m::INT) AS as_of, %s "+
		"FROM range(%d) AS months(m), range(%d) AS users(u)) TO '%s' (FORMAT parquet)", columns, months, users, path))
}

// query runs a statement in DuckDB.
func query(ctx context.Context, statement string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "SET preserve_insertion_order = false; SELECT setseed(0.5); "+statement)
	return errors.Join(err, db.Close())
}

// featuresPy are the definitions, which asof and Feast both read: the folder of
// the sources is filled in.
const featuresPy = `from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Bool, Float32, Int64, String

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)


def view(name, fields):
    source = FileSource(name=name, path=%q + "/" + name + ".parquet", timestamp_field="as_of")
    return FeatureView(name=name + "_fv", entities=[user], ttl=None, source=source,
                       schema=[Field(name=field, dtype=dtype) for field, dtype in fields])


profile = view("profile", [("months", Int64), ("fee", Float32), ("paperless", Bool), ("service", String), ("plan", Int64)])
usage = view("usage", [("hours", Float32), ("minutes", Float32), ("devices", Int64), ("skips", Int64)])
support = view("support", [("tickets", Int64), ("resolution", Float32)])
`

// start and end are the span that is materialized.
const start, end = "2022-12-31T00:00:00", "2026-01-01T00:00:00"

// feastPy fills the store by Feast's SDK.
const feastPy = `import warnings
warnings.simplefilter("ignore")
from datetime import datetime, timezone
from feast import FeatureStore
FeatureStore(".").materialize(datetime.fromisoformat("` + start + `+00:00"), datetime.fromisoformat("` + end + `+00:00"))
`

// makeRepository writes a repository over the sources of a folder.
func makeRepository(dir, sources, onlineStore string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	yaml := "project: bench\nprovider: local\nregistry: registry.db\noffline_store: {type: duckdb}\nonline_store: " + onlineStore + "\nentity_key_serialization_version: 3\n"
	return errors.Join(os.WriteFile(filepath.Join(dir, "feature_store.yaml"), []byte(yaml), 0o644),
		os.WriteFile(filepath.Join(dir, "features.py"), fmt.Appendf(nil, featuresPy, sources), 0o644))
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // writes the Parquet files
)

// width is how many features each view has, by its name; services say which
// views a request reads.
var (
	views    = []string{"a0", "a1", "a2", "b0", "b1", "b2", "b3", "b4", "w"}
	width    = map[byte]int{'a': 2, 'b': 10, 'w': 250}
	services = map[string][]string{"of6": views[:3], "of50": views[3:8], "of250": views[8:]}
)

// kinds are the types that the features of a view take in turn.
var kinds = []struct{ feast, sql string }{
	{"Float32", "(18 + random() * 100)::FLOAT"}, {"Int64", "(random() * 72)::BIGINT"}, {"String", "['DSL', 'Fiber optic', 'No'][1 + floor(random() * 3)::INT]"},
	{"Bool", "random() < 0.5"}, {"Float64", "random() * 1000"},
}

// makeSources writes a Parquet file for each view.
func makeSources(ctx context.Context, o options) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	for _, view := range views {
		var columns strings.Builder
		for i := range width[view[0]] {
			fmt.Fprintf(&columns, ", %s AS %s_%d", kinds[i%len(kinds)].sql, view, i)
		}
		_, err := db.ExecContext(ctx, fmt.Sprintf("COPY (SELECT printf('%%07d-USER', u) AS user_id, TIMESTAMP '2024-01-31' AS as_of%s FROM range(%d) AS users(u)) TO '%s' (FORMAT parquet)",
			columns.String(), o.users, filepath.Join(o.dir, view+".parquet")))
		if err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// featuresPy returns the definitions, which asof and Feast both read.
func featuresPy(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Bool, Float32, Float64, Int64, String

kinds = [Float32, Int64, String, Bool, Float64]
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)


def view(name, features):
    return FeatureView(name=name, entities=[user], ttl=None,
                       source=FileSource(name=name, path=%q + "/" + name + ".parquet", timestamp_field="as_of"),
                       schema=[Field(name="%%s_%%d" %% (name, i), dtype=kinds[i %% 5]) for i in range(features)])


`, dir)
	for _, name := range views {
		fmt.Fprintf(&b, "%s = view(%q, %d)\n", name, name, width[name[0]])
	}
	for name, views := range services {
		fmt.Fprintf(&b, "%s = FeatureService(name=%q, features=[%s])\n", name, name, strings.Join(views, ", "))
	}
	return b.String()
}

func storeYAML(onlineStore string) string {
	return "project: bench\nprovider: local\nregistry: registry.db\noffline_store: {type: duckdb}\nonline_store: " + onlineStore + "\nentity_key_serialization_version: 3\n"
}

// feastPy fills Feast's own store, of the views of six features.
const feastPy = `import warnings
warnings.simplefilter("ignore")
from datetime import datetime, timezone
from feast import FeatureStore
FeatureStore(".").materialize(datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 2, 1, tzinfo=timezone.utc), feature_views=["a0", "a1", "a2"])
`

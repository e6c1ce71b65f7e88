package main

import "strings"

// The repository that asof and Feast both read.
const storeYAML = `project: bench
provider: local
registry: registry.db
offline_store:
  type: duckdb
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
`

const featuresPy = `from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Bool, Float32, Int64, String

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)


def view(name, fields):
    source = FileSource(name=name, path=name + ".parquet", timestamp_field="as_of")
    return FeatureView(name=name + "_fv", entities=[user], ttl=None, source=source,
                       schema=[Field(name=field, dtype=dtype) for field, dtype in fields])


profile = view("profile", [("months", Int64), ("fee", Float32), ("paperless", Bool), ("service", String), ("plan", Int64)])
usage = view("usage", [("hours", Float32), ("minutes", Float32), ("devices", Int64), ("skips", Int64)])
support = view("support", [("tickets", Int64), ("resolution", Float32)])
`

// The same over the tables of PostgreSQL: its port and schema are filled in.
const postgresYAML = `project: bench
provider: local
registry: registry.db
offline_store:
  type: postgres
  host: 127.0.0.1
  port: %d
  database: postgres
  db_schema: %s
  user: bench
  password: none
  sslmode: disable
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
`

var postgresPy = strings.NewReplacer("FileSource, ", "", "from feast.types", `from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.types`, "FileSource(", "PostgreSQLSource(", `path=name + ".parquet"`, "table=name").Replace(featuresPy)

var references = []string{
	"profile_fv:months", "profile_fv:fee", "profile_fv:paperless", "profile_fv:service", "profile_fv:plan",
	"usage_fv:hours", "usage_fv:minutes", "usage_fv:devices", "usage_fv:skips",
	"support_fv:tickets", "support_fv:resolution",
}

// feastPy makes the training set with Feast's SDK, on the registry that asof
// wrote. Its arguments are the folder and the references.
const feastPy = `import os, sys, warnings
warnings.simplefilter("ignore")
os.chdir(sys.argv[1])
import pandas as pd
from feast import FeatureStore

entities = pd.read_parquet("entities.parquet")
job = FeatureStore(".").get_historical_features(entity_df=entities, features=sys.argv[2:])
job.to_df().to_parquet("feast.parquet")
`

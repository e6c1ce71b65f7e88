# Asks Feast's own PostgreSQL store and a server over the same database. What is
# printed are the checks that were made.
import json, os, sys, warnings

warnings.simplefilter("ignore")
import pandas as pd
import psycopg
from feast import Entity, FeatureStore, FeatureView, Field, ValueType
from feast.errors import FeastError, SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource, SavedDatasetPostgreSQLStorage
from feast.types import Float32, Int64, String

folder, address, database = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
connection = psycopg.connect(host=database["Host"], port=database["Port"], dbname=database["Name"], user=database["User"], password=database["Password"], autocommit=True)
connection.execute("""CREATE TABLE stats (driver_id bigint, at timestamptz, made timestamptz, fee numeric(8,2), trips integer, town varchar(8), PRIMARY KEY (driver_id, at));
INSERT INTO stats SELECT i % 5, '2024-01-01'::timestamptz + i * interval '1 hour', '2024-01-01'::timestamptz + i * interval '2 hours', i * 1.25, i, 'Zürich' FROM generate_series(0, 49) AS i;
CREATE TABLE theirs (n int)""")
common = "project: fleet\nprovider: local\nregistry: {path: %s/registry.db, cache_ttl_seconds: 0}\nentity_key_serialization_version: 3\nonline_store: {type: sqlite, path: %s/online.db}\n" % (folder, folder)
host, port = address.rsplit(":", 1)
offline = {"local": {"type": "postgres", "host": database["Host"], "port": database["Port"], "database": database["Name"], "db_schema": "public",
                     "user": database["User"], "password": database["Password"], "sslmode": "disable"},
           "remote": {"type": "remote", "host": host, "port": int(port)}}
stores = {}
for name, config in offline.items():
    os.makedirs(folder + "/" + name)
    with open(folder + "/" + name + "/feature_store.yaml", "w") as file:
        file.write(common + "offline_store: " + json.dumps(config) + "\n")
    stores[name] = FeatureStore(repo_path=folder + "/" + name)
local, remote = stores["local"], stores["remote"]
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
source = PostgreSQLSource(name="stats", table="stats", timestamp_field="at", created_timestamp_column="made")
saved = PostgreSQLSource(name="saved", table="saved", timestamp_field="event_timestamp")
theirs = PostgreSQLSource(name="theirs", table="theirs", timestamp_field="n")
view = FeatureView(name="stats_fv", entities=[driver], source=source, schema=[Field(name="fee", dtype=Float32), Field(name="trips", dtype=Int64), Field(name="town", dtype=String)])
local.apply([driver, source, saved, theirs, view])

START = pd.Timestamp("2024-01-01", tz="UTC")
df = pd.DataFrame({"driver_id": [1, 4, 77], "event_timestamp": [START + pd.Timedelta(hours=h) for h in (10, 30, 30)]})
features = ["stats_fv:fee", "stats_fv:trips", "stats_fv:town"]
ours, want = (s.get_historical_features(df, features).to_df().sort_values("driver_id").reset_index(drop=True)[["driver_id", "fee", "trips", "town"]] for s in (remote, local))
pd.testing.assert_frame_equal(ours, want.astype({"fee": "float64"}), check_dtype=False)
print("training data")
asked = "SELECT 1 AS driver_id, '2024-01-01 10:00:00+00'::timestamptz AS event_timestamp"
assert remote.get_historical_features(asked, features).to_df().trips.tolist() == [6]
print("SQL")
names = [list(s._provider.offline_store.get_table_column_names_and_types_from_data_source(s.config, source)) for s in (remote, local)]
assert names[0] == names[1], names
print("columns")
pull = [s._provider.offline_store.pull_latest_from_table_or_query(s.config, source, ["driver_id"], ["trips"], "at", "made", START.to_pydatetime(), (START + pd.Timedelta(hours=20)).to_pydatetime()).to_df()
        .sort_values("driver_id").reset_index(drop=True)[["driver_id", "trips"]] for s in (remote, local)]
pd.testing.assert_frame_equal(*pull, check_dtype=False)
print("pulled")
new = pd.DataFrame({"driver_id": [1], "at": [START + pd.Timedelta(days=9)], "made": [START], "fee": [7.5], "trips": [123], "town": ["Genf"]})
remote.write_to_offline_store("stats_fv", new)
back = remote.get_historical_features(df[:1].assign(event_timestamp=START + pd.Timedelta(days=10)), features).to_df()
assert back.trips.tolist() == [123] and back.fee.tolist() == [7.5], back
for name, frame, says in [("a key that is there", pd.concat([new.assign(driver_id=500), new]), "duplicate key"), ("a text that is too long", new.assign(driver_id=501, town="Winterthur"), "too long")]:
    try:
        remote.write_to_offline_store("stats_fv", frame)
        raise AssertionError(name)
    except FeastError as e:
        assert says in str(e), e
assert connection.execute("SELECT count(*) FROM stats").fetchone() == (51,), "all or nothing"
print("write_to_offline_store")
storage = SavedDatasetPostgreSQLStorage("saved")
job = remote.get_historical_features(df, features)
remote.create_saved_dataset(job, "saved", storage)
assert len(remote.get_saved_dataset("saved").to_df()) == 3 and connection.execute("SELECT count(*) FROM saved").fetchone() == (3,)
try:
    job.persist(storage)
    raise AssertionError("it is there")
except SavedDatasetLocationAlreadyExists:
    pass
remote.create_saved_dataset(remote.get_historical_features(df[:1], features), "saved", storage, allow_overwrite=True)
assert connection.execute("SELECT count(*) FROM saved").fetchone() == (1,)
try:
    job.persist(SavedDatasetPostgreSQLStorage("theirs"), allow_overwrite=True)
    raise AssertionError("a table of the team's was replaced")
except FeastError as e:
    assert "theirs" in str(e), e
print("saved dataset")

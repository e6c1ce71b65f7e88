# Asks Feast's own store and the server the same, and compares. What is printed
# are the checks that were made; one that fails ends the script.
import os, sys, uuid, warnings

warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import pandas as pd
import pyarrow as pa
from feast import FileSource
from feast.errors import (DataSourceObjectNotFoundException, EntityTimestampInferenceException, FeastEntityDFMissingColumnsError, FeastError,
                          FeastObjectNotFoundException, FeatureNameCollisionError, FeatureServiceNotFoundException, FeatureViewNotFoundException,
                          RequestDataNotFoundInEntityDfException, SavedDatasetLocationAlreadyExists)
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.remote import _call_exchange, _call_put, build_arrow_flight_client
from feast.data_source import PushMode
import repository

folder, address = sys.argv[2:4]
local, remote = repository.stores(folder, address)
START = repository.START


def done(name):
    print(name)


def same(name, ours, theirs, by=None):
    """Compares frames whatever the order of columns and rows, and what numbers are kept in."""
    assert sorted(ours.columns) == sorted(theirs.columns), (list(ours.columns), list(theirs.columns))
    columns = sorted(ours.columns)
    by = by or [c for c in ("driver_id", "event_timestamp", "factor") if c in columns]
    frames = [f[columns].sort_values(by).reset_index(drop=True) for f in (ours, theirs)]
    for f in frames:
        for c in columns:
            if pd.api.types.is_datetime64_any_dtype(f[c]):
                f[c] = pd.to_datetime(f[c], utc=True).astype("datetime64[ns, UTC]")
            if f[c].dtype == object:
                f[c] = f[c].where(f[c].notna(), None)
    pd.testing.assert_frame_equal(*frames, check_dtype=False)
    done(name)


def fails(name, error, do, says=""):
    try:
        do()
    except Exception as e:
        assert type(e) is error, (name, type(e), e)
        assert says in str(e), (name, e)
        return done(name)
    raise AssertionError(name + ": nothing was raised")


hours = lambda n: START + pd.Timedelta(hours=n)
df = pd.DataFrame({"driver_id": [1, 2, 99, 1, 3, 1], "event_timestamp": [hours(h) for h in (13, 30, 30, 180, 2, 13)], "factor": [1.0, 2, 3, 4, 5, 1],
                   "label": ["a", None, "c", "d", "é", "a"]})

# Training data: references, services, names, on-demand views.
for name, what, full in [("references", ["stats_fv:conv_rate", "stats_fv:town"], False), ("two views", ["stats_fv:trips", "pushed_fv:pushed_trips"], False),
                         ("on demand", ["stats_fv:conv_rate", "scaled_od:scaled"], False), ("full names", ["stats_fv:trips", "scaled_od:scaled"], True),
                         ("service", "plain", False), ("alias", "aliased", True)]:
    features = [s.get_feature_service(what) if isinstance(what, str) else what for s in (remote, local)]
    job = remote.get_historical_features(df, features[0], full_feature_names=full)
    ours = job.to_df()
    same(name, ours, local.get_historical_features(df, features[1], full_feature_names=full).to_df())
    assert list(ours.driver_id) == list(df.driver_id), "rows come in their order"
assert remote.get_historical_features(df, ["stats_fv:conv_rate"]).to_arrow().schema.field("conv_rate").type == pa.float32()

# Entity rows of other shapes.
index = df.set_index(pd.Index([10, 20, 30, 40, 50, 60]))
ours = remote.get_historical_features(index, ["stats_fv:trips"]).to_df()
assert "__index_level_0__" not in ours.columns, list(ours.columns)
strings = df.assign(event_timestamp=df.event_timestamp.dt.strftime("%Y-%m-%d %H:%M:%S"))
same("times as text", remote.get_historical_features(strings, ["stats_fv:trips"]).to_df(), remote.get_historical_features(df, ["stats_fv:trips"]).to_df())
same("categories", remote.get_historical_features(df.assign(label=df.label.astype("category")), ["stats_fv:trips"]).to_df(),
     remote.get_historical_features(df, ["stats_fv:trips"]).to_df())
assert len(remote.get_historical_features(df[:0], ["stats_fv:trips"]).to_df()) == 0
done("no rows")
many = pd.DataFrame({"driver_id": [i % 7 for i in range(300_000)], "event_timestamp": hours(20), "nr": range(300_000)})
ours = remote.get_historical_features(many, ["stats_fv:trips"]).to_df()
assert list(ours.nr) == list(range(300_000)) and ours.trips[:7].tolist()[:6] == ours.trips[7:14].tolist()[:6] and ours.trips.isna().sum() == 300_000 // 7
done("many rows")

# Entity rows that the server makes.
sql = remote.get_historical_features("SELECT 1 AS driver_id, TIMESTAMP '2024-01-01 13:00:00' AS event_timestamp, 2.5 AS factor",
                                     ["stats_fv:trips", "scaled_od:scaled"]).to_df()
assert sql.scaled[0] == sql.trips[0] * 2.5 + 1, sql
done("SQL")
span = remote.get_historical_features(None, ["stats_fv:trips"], start_date=hours(3).to_pydatetime(), end_date=hours(12).to_pydatetime()).to_df()
stats = pd.read_parquet(folder + "/stats.parquet")
inside = stats[(stats.event_timestamp >= hours(3)) & (stats.event_timestamp <= hours(12))]
same("span", span, inside[["driver_id", "event_timestamp", "trips"]])
day = remote.get_historical_features(None, ["stats_fv:trips"], end_date=hours(40).to_pydatetime()).to_df()
assert day.event_timestamp.min() == hours(18), "without a start, as far back as the ttl: %s" % day.event_timestamp.min()
done("end of a span alone")

# Rows of sources.
source = remote.get_data_source("stats")
pull = dict(config=remote.config, data_source=source, join_key_columns=["driver_id"], feature_name_columns=["trips", "town"], timestamp_field="event_timestamp",
            created_timestamp_column="created", start_date=hours(0).to_pydatetime(), end_date=hours(30).to_pydatetime())
theirs = dict(pull, config=local.config)
for name in ("pull_latest_from_table_or_query", "pull_all_from_table_or_query"):
    same(name, getattr(remote._provider.offline_store, name)(**pull).to_df(), getattr(local._provider.offline_store, name)(**theirs).to_df())
everything = remote._provider.offline_store.pull_all_from_table_or_query(**dict(pull, start_date=None, end_date=None)).to_df()
assert len(everything) == 60, len(everything)
columns = list(remote._provider.offline_store.get_table_column_names_and_types_from_data_source(remote.config, source))
assert columns == [("driver_id", "int64"), ("event_timestamp", "timestamp[us]"), ("created", "timestamp[us]"), ("conv_rate", "float"), ("trips", "int64"), ("town", "string")], columns
done("columns")

# A client that fills an online store of its own reads the server's rows.
remote.materialize(hours(0).to_pydatetime(), hours(200).to_pydatetime(), feature_views=["stats_fv"])
online = remote.get_online_features(["stats_fv:trips"], [{"driver_id": 1}]).to_dict()
assert online["trips"] == [int(stats[stats.driver_id == 1].trips.iloc[-1])], online
done("materialize")

# Writing: a batch, a push, a source whose columns have other names.
new = pd.DataFrame({"driver_id": [1, 50], "event_timestamp": [hours(100), hours(100)], "created": [hours(101), hours(101)],
                    "conv_rate": [0.5, 0.25], "trips": [7, 8], "town": ["Genf", None]})
remote.write_to_offline_store("stats_fv", new[["trips", "town", "driver_id", "event_timestamp", "created", "conv_rate"]])
back = remote.get_historical_features(pd.DataFrame({"driver_id": [1, 50], "event_timestamp": [hours(102)] * 2}), ["stats_fv:conv_rate", "stats_fv:trips", "stats_fv:town"]).to_df()
assert back.conv_rate.tolist() == [0.5, 0.25] and back.trips.tolist() == [7, 8] and back.town.tolist() == ["Genf", None], back
assert pd.read_parquet(folder + "/stats.parquet").dtypes.equals(stats.dtypes), "the file keeps its types"
done("write_to_offline_store")
remote.push("push", pd.DataFrame({"driver_id": [1], "event_timestamp": [hours(90)], "created": [hours(91)], "trips_raw": [1234]}), to=PushMode.OFFLINE)
back = remote.get_historical_features(pd.DataFrame({"driver_id": [1], "event_timestamp": [hours(95)]}), ["pushed_fv:pushed_trips"]).to_df()
assert back.pushed_trips.tolist() == [1234] and len(os.listdir(folder + "/pushed")) == 2, (back, os.listdir(folder + "/pushed"))
done("push")

# Saved datasets.
for path in (folder + "/saved.parquet", folder + "/saved_folder"):
    name = os.path.basename(path)
    job = remote.get_historical_features(df, ["stats_fv:conv_rate", "stats_fv:trips"])
    remote.create_saved_dataset(job, name, SavedDatasetFileStorage(path))
    saved = remote.get_saved_dataset(name).to_df()
    want = job.to_df()
    assert len(saved) == len(want) and sorted(saved.trips.dropna()) == sorted(want.trips.dropna()), saved
    fails("a dataset that is there: " + name, SavedDatasetLocationAlreadyExists, lambda: job.persist(SavedDatasetFileStorage(path)))
    remote.create_saved_dataset(remote.get_historical_features(df[:2], ["stats_fv:trips"]), name, SavedDatasetFileStorage(path), allow_overwrite=True)
    assert len(pd.read_parquet(path)) == 2
    done("saved dataset " + name)

# Logs.
service = remote.get_feature_service("plain")
logs = pa.table({"driver_id": [1, 2, 3], "stats_fv__conv_rate": pa.array([0.5, None, 1.0], pa.float32()), "__log_timestamp": [hours(1), hours(2), hours(26)],
                 "__log_date": pa.array([h.date() for h in (hours(1), hours(2), hours(26))]), "__request_id": ["x", "y", "z"]})
for _ in range(2):
    remote.write_logged_features(logs, service)
assert sorted(os.listdir(folder + "/logs")) == ["2024-01-01", "2024-01-02"], os.listdir(folder + "/logs")
read = pd.read_parquet(folder + "/logs")
assert sorted(read.driver_id) == [1, 1, 2, 2, 3, 3] and len(os.listdir(folder + "/logs/2024-01-01")) == 2, read
done("logs")

# Mistakes, by their classes.
ask = lambda *a, **k: remote._provider.offline_store.get_historical_features(remote.config, *a, **k).to_df()
views = [remote.get_feature_view("stats_fv")]
gone = remote.get_feature_view("stats_fv").with_name("x")
gone.name = "gone_fv"
raw = lambda refs, frame, **more: _call_exchange("get_historical_features", {"feature_view_names": ["stats_fv"], "name_aliases": [None], "feature_refs": refs,
                                                                         "project": "fleet", "full_feature_names": False, **more}, client(), frame, None)
client = lambda: build_arrow_flight_client("http", *[int(p) if i else p for i, p in enumerate(address.rsplit(":", 1))], remote.config.auth_config)
fails("no such view", FeatureViewNotFoundException, lambda: ask([gone], ["gone_fv:trips"], df, remote.registry, "fleet"), "gone_fv")
fails("no such project", FeatureViewNotFoundException, lambda: ask(views, ["stats_fv:trips"], df, remote.registry, "nowhere"))
fails("no such feature", FeastObjectNotFoundException, lambda: raw(["stats_fv:trip"], df), 'did you mean "trips"')
fails("no key", FeastEntityDFMissingColumnsError, lambda: raw(["stats_fv:trips"], df.drop(columns="driver_id")), "driver_id")
fails("no time", EntityTimestampInferenceException, lambda: raw(["stats_fv:trips"], df.drop(columns="event_timestamp")))
fails("no request data", RequestDataNotFoundInEntityDfException, lambda: raw(["scaled_od:scaled"], df.drop(columns="factor")), "factor")
fails("two of a name", FeatureNameCollisionError, lambda: raw(["stats_fv:trips", "mine:trips"], df))
fails("wrong time", FeastError, lambda: raw(["stats_fv:trips"], strings.assign(event_timestamp="soon")), "row 1")
fails("wrong SQL", FeastError, lambda: raw(["stats_fv:trips"], None, entity_df_sql="SELECT nothing FROM nowhere"), "nowhere")
fails("SQL over a file", FeastError, lambda: raw(["stats_fv:trips"], None, entity_df_sql="SELECT driver_id, event_timestamp FROM '%s/stats.parquet'" % folder), "tables alone")
fails("two statements", FeastError, lambda: raw(["stats_fv:trips"], None, entity_df_sql="SELECT 1; DROP TABLE x"), "statement")
fails("no such source", DataSourceObjectNotFoundException, lambda: remote._provider.offline_store.pull_latest_from_table_or_query(
    **dict(pull, data_source=FileSource(name="gone", path="gone"))).to_df(), "gone")
fails("no such column", FeastError, lambda: remote._provider.offline_store.pull_latest_from_table_or_query(**dict(pull, feature_name_columns=["trip"])).to_df(), "trips")
fails("no such api", FeastError, lambda: _call_exchange("get_historical_feature", {}, client(), None, None), "get_historical_features")
fails("a parameter that is missing", FeastError, lambda: _call_exchange("pull_all_from_table_or_query", {"data_source_name": "stats"}, client(), None, None), "join_key_columns")
fails("columns that differ", FeastError, lambda: _call_put("offline_write_batch", {"feature_view_names": ["stats_fv"], "name_aliases": [None], "progress": None}, client(),
                                                         new.drop(columns="town"), None), 'lack "town"')
fails("no such service", FeatureServiceNotFoundException, lambda: _call_put("write_logged_features", {"feature_service_name": "gone"}, client(), df, None), "gone")
fails("a service without logs", FeastError, lambda: _call_put("write_logged_features", {"feature_service_name": "aliased"}, client(), df, None), "logging_config")
fails("a dataset without a source", DataSourceObjectNotFoundException,
      lambda: remote.get_historical_features(df, ["stats_fv:trips"]).persist(SavedDatasetFileStorage(folder + "/elsewhere.parquet")))
fails("pulled rows as a dataset", FeastError, lambda: remote._provider.offline_store.pull_all_from_table_or_query(**pull).persist(SavedDatasetFileStorage(folder + "/saved.parquet"), allow_overwrite=True), "persist")
fails("a source without its timestamp", FeastError, lambda: remote._provider.offline_store.validate_data_source(
    remote.config, FileSource(name="stats", path=folder + "/stats.parquet", timestamp_field="at")), '"at"')
remote._provider.offline_store.validate_data_source(remote.config, FileSource(name="later", path=folder + "/later.parquet", timestamp_field="at"))
remote._provider.offline_store.validate_data_source(remote.config, source)
done("validate")

# A repository with what the tests of the offline server ask for: made in the
# folder DIR, with its data, and applied by Feast. ADDRESS is the server's.
import os
from datetime import timedelta

import numpy as np
import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, RequestSource, ValueType
from feast.data_format import ParquetFormat
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float32, Float64, Int64, String

START = pd.Timestamp("2024-01-01", tz="UTC")


def data(folder):
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(7)
    n = 60
    stats = pd.DataFrame({
        "driver_id": np.arange(n) % 6,
        "event_timestamp": [START + pd.Timedelta(hours=6 * (i // 6), minutes=i % 6) for i in range(n)],
        "created": [START + pd.Timedelta(hours=6 * (i // 6) + 1) for i in range(n)],
        "conv_rate": rng.random(n).astype("float32"),
        "trips": rng.integers(0, 100, n),
        "town": [["Bern", "Zürich", None][i % 3] for i in range(n)],
    })
    stats.to_parquet(folder + "/stats.parquet")
    pushed = stats.rename(columns={"trips": "trips_raw"})[["driver_id", "event_timestamp", "created", "trips_raw"]]
    os.makedirs(folder + "/pushed", exist_ok=True)
    pushed.to_parquet(folder + "/pushed/a.parquet")


def definitions(folder):
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    stats = FileSource(name="stats", path=folder + "/stats.parquet", timestamp_field="event_timestamp", created_timestamp_column="created")
    pushed = FileSource(name="pushed", path=folder + "/pushed/*.parquet", file_format=ParquetFormat(), timestamp_field="event_timestamp", created_timestamp_column="created",
                        field_mapping={"trips_raw": "pushed_trips"})
    push = PushSource(name="push", batch_source=pushed)
    saved = FileSource(name=folder + "/saved.parquet", path=folder + "/saved.parquet", timestamp_field="event_timestamp")
    saved_folder = FileSource(name=folder + "/saved_folder", path=folder + "/saved_folder", timestamp_field="event_timestamp")
    stats_fv = FeatureView(name="stats_fv", entities=[driver], source=stats, ttl=timedelta(days=1),
                           schema=[Field(name="conv_rate", dtype=Float32), Field(name="trips", dtype=Int64), Field(name="town", dtype=String)])
    pushed_fv = FeatureView(name="pushed_fv", entities=[driver], source=push, schema=[Field(name="pushed_trips", dtype=Int64)])
    factor = RequestSource(name="factor", schema=[Field(name="factor", dtype=Float64)])

    @on_demand_feature_view(sources=[stats_fv, factor], schema=[Field(name="scaled", dtype=Float64)], mode="pandas")
    def scaled_od(inputs: pd.DataFrame) -> pd.DataFrame:
        out = pd.DataFrame()
        out["scaled"] = inputs["trips"] * inputs["factor"] + 1.0
        return out

    plain = FeatureService(name="plain", features=[stats_fv[["conv_rate", "town"]], pushed_fv],
                           logging_config=LoggingConfig(destination=FileLoggingDestination(path=folder + "/logs", partition_by=["__log_date"])))
    aliased = FeatureService(name="aliased", features=[stats_fv[["trips"]].with_name("mine"), scaled_od])
    return [driver, stats, pushed, push, saved, saved_folder, stats_fv, pushed_fv, scaled_od, plain, aliased]


def stores(folder, address, own="duckdb"):
    """Feast's own store over the folder, with all of it applied, and one over the server."""
    data(folder)
    common = "project: fleet\nprovider: local\nregistry: {path: %s/registry.db, cache_ttl_seconds: 0}\nentity_key_serialization_version: 3\nonline_store: {type: sqlite, path: %s/online.db}\n" % (folder, folder)
    host, port = address.rsplit(":", 1)
    made = []
    for name, offline in [("local", own), ("remote", "remote\n  host: %s\n  port: %s" % (host, port))]:
        os.makedirs(folder + "/" + name, exist_ok=True)
        with open(folder + "/" + name + "/feature_store.yaml", "w") as file:
            file.write(common + "offline_store:\n  type: " + offline + "\n")
        made.append(FeatureStore(repo_path=folder + "/" + name))
    made[0].apply(definitions(folder))
    return made

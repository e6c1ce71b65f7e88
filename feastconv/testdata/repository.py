"""Applies, with Feast's SDK, a repository that has one of everything.

    python repository.py DIR [REGISTRY]

writes DIR/feature_store.yaml, DIR/stats.parquet and DIR/registry.db; or into
another REGISTRY, as the configuration names it.
"""

import os
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pandas as pd
from feast import (
    BatchFeatureView, BigQuerySource, Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource,
    KafkaSource, KinesisSource, LabelView, Project, PushSource, RequestSource, StreamFeatureView, ValueType,
)
from feast.aggregation import Aggregation
from feast.data_format import AvroFormat, JsonFormat, ParquetFormat
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.permissions.action import AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
from feast.saved_dataset import SavedDataset
from feast.types import (
    Array, Bool, Bytes, Decimal, Float32, Float64, Int32, Int64, Json, Map, ScalarMap, Set, String, Struct,
    TimeUuid, UnixTimestamp, Uuid, ZonedTimestamp,
)

directory = sys.argv[1]
with open(os.path.join(directory, "feature_store.yaml"), "w") as file:
    file.write(
        f"project: everything\nprovider: local\nregistry: {sys.argv[2] if len(sys.argv) > 2 else 'registry.db'}\n"
        "online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n")
now = datetime(2024, 1, 31, tzinfo=timezone.utc)
pd.DataFrame({
    "user_id": ["a", "b"], "shop_id": [1, 2], "hours": [1.5, 2.5], "visits": [3, 4],
    "at": [now, now], "made": [now, now],
}).to_parquet(os.path.join(directory, "stats.parquet"))

project = Project(name="everything", description="one of each", tags={"a": "b"}, owner="me@example.com")
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="who", tags={"k": "v"}, owner="o")
shop = Entity(name="shop", join_keys=["shop_id"])
stats = FileSource(
    name="stats", path="stats.parquet", timestamp_field="at", created_timestamp_column="made",
    description="d", tags={"s": "t"}, owner="w", field_mapping={"n": "visits"})
parquet = FileSource(path="stats.parquet", timestamp_field="at", file_format=ParquetFormat(), s3_endpoint_override="http://s3")
push = PushSource(name="push", batch_source=stats, tags={"p": "q"})
request = RequestSource(name="request", schema=[Field(name="add", dtype=Int64), Field(name="words", dtype=Array(String))])

plain = FeatureView(
    name="plain", entities=[user, shop], ttl=timedelta(days=30, microseconds=7), source=stats, online=True, offline=True,
    schema=[Field(name="user_id", dtype=String), Field(name="hours", dtype=Float32, description="h", tags={"unit": "h"}),
            Field(name="visits", dtype=Int64)],
    description="d", tags={"owner": "x"}, owner="me", org="ads", enable_validation=True, version="latest")
no_ttl = FeatureView(name="no_ttl", entities=[user], ttl=None, source=parquet, schema=[Field(name="hours", dtype=Float64)], online=False)
nobody = FeatureView(name="nobody", ttl=timedelta(0), source=stats, schema=[Field(name="hours", dtype=Float64)], enabled=False)
types = FeatureView(
    name="types", entities=[user], source=push,
    schema=[
        Field(name="f%d" % i, dtype=dtype)
        for i, dtype in enumerate([
            Bytes, String, Int32, Int64, Float32, Float64, Bool, UnixTimestamp, ZonedTimestamp, Map, ScalarMap, Json, Uuid,
            TimeUuid, Decimal, Array(Float64), Array(String), Array(UnixTimestamp), Array(Map), Set(Int64), Set(Uuid),
            Array(Array(Int64)), Set(Array(String)), Array(Set(Array(Float32))),
            Struct({"zäh": String, "a": Array(Int64), "in": Struct({"x": Bool, "y": Set(Int32)})}),
            Array(Struct({"b": Float64, "a": Int32})),
            Struct({"deep": Array(Array(Struct({"q": String})))}),
        ])
    ] + [Field(name="vector", dtype=Array(Float32), vector_index=True, vector_length=3, vector_search_metric="cosine")])


@on_demand_feature_view(
    sources=[plain[["hours"]], request],
    schema=[Field(name="more", dtype=Float64)],
    description="d", tags={"z": "z"}, owner="me", track_metrics=True,
)
def pandas_mode(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    df["more"] = inputs["hours"] + inputs["add"]
    return df


@on_demand_feature_view(sources=[request], schema=[Field(name="twice", dtype=Int64)], mode="python")
def python_mode(inputs: Dict[str, Any]) -> Dict[str, Any]:
    return {"twice": [2 * x for x in inputs["add"]]}


@on_demand_feature_view(
    entities=[user], input_schema=[Field(name="add", dtype=Int64)], schema=[Field(name="thrice", dtype=Int64)],
    mode="python", singleton=True, write_to_online_store=True)
def singleton_mode(inputs: Dict[str, Any]) -> Dict[str, Any]:
    return {"thrice": 3 * inputs["add"]}


kafka = KafkaSource(
    name="kafka", kafka_bootstrap_servers="localhost:9092", topic="t", timestamp_field="at", batch_source=stats,
    message_format=JsonFormat(schema_json="user_id string"), watermark_delay_threshold=timedelta(minutes=5))
kinesis = KinesisSource(
    name="kinesis", region="eu", stream_name="s", timestamp_field="at", record_format=AvroFormat(schema_json="{}"), batch_source=stats)


def double(df):
    return df


stream = StreamFeatureView(
    name="stream", entities=[user], ttl=timedelta(days=1), mode="pandas", source=kafka, timestamp_field="at", online=True,
    udf=double, udf_string="def double(df):\n    return df\n",
    schema=[Field(name="user_id", dtype=String), Field(name="hours", dtype=Float32)],
    aggregations=[Aggregation(column="hours", function="sum", time_window=timedelta(hours=1), slide_interval=timedelta(minutes=5)),
                  Aggregation(column="hours", function="max", time_window=timedelta(hours=1), name="top")],
    enable_tiling=True, tiling_hop_size=timedelta(minutes=5), tags={"s": "t"})

batch = BatchFeatureView(
    name="batch", entities=[user], source=stats, schema=[Field(name="hours", dtype=Float32)], mode="python", ttl=timedelta(days=2),
    online=True, udf=lambda df: df, udf_string="lambda df: df")
chained = FeatureView(name="chained", entities=[user], source=[no_ttl], sink_source=parquet, schema=[Field(name="hours", dtype=Float64)])
labels = LabelView(
    name="labels", entities=[user], source=PushSource(name="label_push", batch_source=parquet),
    schema=[Field(name="label", dtype=Int64), Field(name="labeler", dtype=String)], labeler_field="labeler")
service = FeatureService(
    name="service", features=[plain[["visits"]], no_ttl, pandas_mode, nobody, types[["f3"]], labels], description="d", tags={"x": "y"}, owner="me",
    logging_config=LoggingConfig(destination=FileLoggingDestination(path="logs", partition_by=["day"]), sample_rate=0.5))
aliased = FeatureService(
    name="aliased",
    features=[no_ttl.with_name("first").with_join_key_map({"user_id": "left"}),
              no_ttl.with_name("second").with_join_key_map({"user_id": "right"})])
permission = Permission(
    name="permission", types=[FeatureView], name_patterns=["a.*"], policy=RoleBasedPolicy(roles=["r"]), actions=[AuthzedAction.READ_ONLINE],
    tags={"t": "u"}, required_tags={"v": "w"})

store = FeatureStore(repo_path=directory)
store.apply([
    project, user, shop, stats, parquet, push, request, plain, no_ttl, nobody, types, pandas_mode, python_mode, singleton_mode,
    labels, service, aliased, permission])
registry = store.registry
registry.apply_feature_view(stream, "everything")
registry.apply_feature_view(batch, "everything")
registry.apply_feature_view(chained, "everything")
for source in [
    kafka, kinesis,
    PostgreSQLSource(name="query", query="SELECT \"ä\", 'x' AS y -- \t\n FROM t", timestamp_field="as_of", field_mapping={"a": "b"}),
    PostgreSQLSource(table="public.t", timestamp_field="as_of", created_timestamp_column="made", tags={"pg": "1"}),
    BigQuerySource(name="bigquery", table="p.d.t", timestamp_field="at"),
    SparkSource(name="spark", table="t", timestamp_field="at"),
]:
    registry.apply_data_source(source, "everything")
registry.apply_materialization(store.get_feature_view("plain"), "everything", now, now + timedelta(days=1))
registry.apply_saved_dataset(
    SavedDataset(name="dataset", features=["plain:visits"], join_keys=["user_id"], storage=SavedDatasetFileStorage(path="x.parquet")), "everything")

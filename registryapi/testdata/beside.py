"""Makes the same calls of our registry server and of Feast's own, and compares.

    python beside.py DIR HOST:PORT

Feast's server runs in this process, on a registry file in DIR. Prints how many
calls were made, and as JSON those whose answers differ and are not in known.
Where Feast's server fails with an exception, ours has to say what is wrong.
"""

import json
import logging
import os
import socket
import sys
import warnings
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import grpc
import pandas as pd
from google.protobuf import message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from feast import (
    BatchFeatureView, Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, KafkaSource, LabelView, Project, PushSource,
    RequestSource, StreamFeatureView, ValueType,
)
from feast.data_format import JsonFormat
from feast.errors import FeastError
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.registry.remote import RemoteRegistry, RemoteRegistryConfig
from feast.on_demand_feature_view import on_demand_feature_view
from feast.permissions.action import AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
from feast.protos.feast.core.Entity_pb2 import Entity as EntityProto
from feast.protos.feast.core.FeatureView_pb2 import FeatureView as FeatureViewProto
from feast.protos.feast.core.LabelView_pb2 import LabelView as LabelViewProto
from feast.protos.feast.registry import RegistryServer_pb2 as pb
from feast.registry_server import start_server
from feast.saved_dataset import SavedDataset
from feast.types import Float64, Int64, String

directory, address = Path(sys.argv[1]), sys.argv[2]
(directory / "feature_store.yaml").write_text(
    "project: beside\nprovider: local\nregistry: {path: registry.db, cache_ttl_seconds: 0}\nonline_store: {type: sqlite, path: online.db}\n"
    "entity_key_serialization_version: 3\n")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
server = start_server(FeatureStore(repo_path=directory), port, wait_for_termination=False)
registries = {name: RemoteRegistry(RemoteRegistryConfig(path=at), "beside", None) for name, at in {"theirs": f"127.0.0.1:{port}", "ours": address}.items()}
P = "besïde"

known = {
    "empty: ApplyProject": "Feast registers a project without a name",
    "empty: CreateDatasetFromRetrieval": "Feast starts a job, which fails",
    "empty: ListDatasetJobs": "that job",
    "no project: ListDatasetJobs": "that job",
    "empty: GetDatasetData": "Feast takes the server's own project for none",
    "*: ListFeatures": "Feast lists the join keys of stream views, and no owners",
    "f of vïew: GetFeature": "Feast leaves out the owner",
    "*: GetRegistryLineage": "Feast's server leaves out the views of saved datasets, which its own generator tells of",
    "featureView: GetObjectRelationships": "likewise",
    "nowhere: ApplyMaterialization": "Feast takes what is materialized of a view that is not there, and forgets it",
    "backwards: ApplyMaterialization": "Feast records a span that ends before it starts",
    "taken: ApplyFeatureView": "Feast says so as an internal error",
    "5 MiB: ApplyEntity": "Feast's server takes 4 MiB",
    "65 MiB: ApplyEntity": "ours 64 MiB",
}
volatile = {"createdTimestamp", "lastUpdatedTimestamp", "versionId", "lastUpdated", "projectUuid", "createdAt", "completedAt", "jobId", "body", "dataSourceClassType",
            "project", "featureViewVersionHistory"}
# Feast's server leaves out of its answers which project an object is of and of
# which class a source, the join key of views without entities, and the versions.
defaults = {"ttl": "0s", "viewType": "featureView", "registrySchemaVersion": "1", "entityColumns": [{"name": "__dummy_id", "valueType": "STRING"}]}


def plain(value):
    """A message as JSON has it, without what differs between any two writes."""
    if isinstance(value, dict):
        kept = {k: plain(v) for k, v in value.items() if k not in volatile and defaults.get(k) != v}
        return {k: v for k, v in kept.items() if v not in ({}, [])}
    if isinstance(value, list):
        return sorted(map(plain, value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def answer(call):
    """A message, or the code, class and text of an error."""
    try:
        result = call()
        return plain(MessageToDict(result)) if hasattr(result, "DESCRIPTOR") else str(result)
    except FeastError as error:
        return [error.grpc_status_code().name, type(error).__name__, str(error)]
    except grpc.RpcError as error:
        return [error.code().name, (error.details() or "")[:300]]


different, clearer, calls = {}, 0, 0


def compare(label, call):
    """Makes a call of both registries."""
    global calls, clearer
    calls += 1
    got = {name: answer(lambda: call(registry)) for name, registry in registries.items()}
    failed = isinstance(got["theirs"], list) and got["theirs"][0] == "UNKNOWN"
    if failed and isinstance(got["ours"], list) and got["ours"][0] in ("INVALID_ARGUMENT", "INTERNAL") and len(got["ours"]) == 3:
        clearer += 1
    elif got["ours"] != got["theirs"]:
        different[label] = [got["theirs"], got["ours"]]


def both(label, method, request):
    compare(f"{label}: {method}", lambda registry: getattr(registry.stub, method)(request, timeout=60))


methods = {m.name: message_factory.GetMessageClass(m.input_type) for m in pb.DESCRIPTOR.services_by_name["RegistryServer"].methods}
for method, request in methods.items():
    if method != "DeleteProject":  # of "", which Feast has registered
        both("empty", method, request())

user = Entity(name="usér", join_keys=["user_id"], value_type=ValueType.STRING, tags={"ä": "ö"}, description="whó", owner="o")
source = FileSource(name="sourçe", path="x.parquet", timestamp_field="at", created_timestamp_column="made", tags={"ä": "ö"})
push = PushSource(name="push", batch_source=source)
kafka = KafkaSource(name="kafka", kafka_bootstrap_servers="a:1", topic="t", timestamp_field="at", batch_source=source,
                    message_format=JsonFormat(schema_json="user_id string"))
request_source = RequestSource(name="request", schema=[Field(name="add", dtype=Int64)])
key = Field(name="user_id", dtype=String)
view = FeatureView(name="vïew", entities=[user], source=push, schema=[key, Field(name="f", dtype=Float64, tags={"ü": "n"}), Field(name="g", dtype=Int64)],
                   ttl=timedelta(days=1), tags={"ä": "ö"}, owner="me", description="d", org="ads")
views = [
    view,
    FeatureView(name="nobody", source=source, schema=[Field(name="h", dtype=Float64)], ttl=None),
    FeatureView(name="disabled", entities=[user], source=source, schema=[key, Field(name="f", dtype=Float64)], enabled=False, online=False),
    FeatureView(name="chained", entities=[user], source=[view], sink_source=source, schema=[key, Field(name="f", dtype=Float64)]),
    BatchFeatureView(name="batch", entities=[user], source=source, schema=[key, Field(name="f", dtype=Float64)], mode="python", udf=lambda df: df, udf_string="lambda df: df"),
    StreamFeatureView(name="stream", entities=[user], source=kafka, schema=[Field(name="s", dtype=Float64)], mode="pandas", timestamp_field="at",
                      udf=lambda df: df, udf_string="lambda df: df"),
    LabelView(name="labels", entities=[user], source=push, schema=[key, Field(name="l", dtype=Float64), Field(name="labeler", dtype=String)]),
]


@on_demand_feature_view(sources=[view[["g"]], request_source], schema=[Field(name="more", dtype=Int64)], tags={"ä": "ö"})
def computed(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"more": inputs["g"] + inputs["add"]})


views.append(computed)
services = [FeatureService(name="servïce", features=[view[["f"]].with_name("al").with_join_key_map({"user_id": "x"}), computed], tags={"ä": "ö"}, owner="o")]
day = datetime(2024, 1, 31, tzinfo=timezone.utc)
compare("project", lambda r: r.apply_project(Project(name=P, description="d", tags={"ä": "ö"}, owner="o")))
for o in [source, push, kafka, request_source]:
    compare(f"apply {o.name}", lambda r: r.apply_data_source(o, P))
compare("apply entity", lambda r: r.apply_entity(user, P))
compare("apply dummy", lambda r: r.apply_entity(Entity(name="__dummy", join_keys=["__dummy_id"]), P))
for o in views:
    compare(f"apply {o.name}", lambda r: r.apply_feature_view(o, P))
for o in services:
    compare(f"apply {o.name}", lambda r: r.apply_feature_service(o, P))
dataset = SavedDataset(name="sét", features=["vïew:f"], join_keys=["user_id"], storage=SavedDatasetFileStorage(path="y.parquet"), tags={"ä": "ö"},
                       namespace="n", collection="c", description="d")
compare("apply dataset", lambda r: r.apply_saved_dataset(dataset, P))
permission = Permission(name="perm", types=[FeatureView], name_patterns=["v.*"], policy=RoleBasedPolicy(roles=["r"]),
                        actions=[AuthzedAction.READ_ONLINE], tags={"ä": "ö"}, required_tags={"x": "y"})
compare("apply permission", lambda r: r.apply_permission(permission, P))
compare("materialized", lambda r: r.apply_materialization(view, P, day, day + timedelta(days=1)))


def read(label):
    """Lists everything."""
    for method, request in methods.items():
        if method.startswith("List") and "project" in request.DESCRIPTOR.fields_by_name:
            both(label, method, request(project=P))
    both(label, "Proto", Empty())
    both(label, "GetRegistryLineage", pb.GetRegistryLineageRequest(project=P))


read("written")
for method, request in methods.items():
    fields = request.DESCRIPTOR.fields_by_name
    of = {"project": P} if "project" in fields else {}
    if method.startswith(("Get", "Delete")) and "name" in fields:
        both("nope", method, request(name="nope", **of))
        if of:
            both("elsewhere", method, request(name="vïew", project="elsewhere"))
            both("without a name", method, request(project=P))
    if method.startswith("List"):
        if of:
            both("elsewhere", method, request(project="elsewhere"))
            both("no project", method, request())
        if "tags" in fields:
            both("tags", method, request(tags={"ä": "ö"}, **of))
            both("other tags", method, request(tags={"ä": "o"}, **of))
    if "pagination" in fields and of and method not in ("GetObjectRelationships", "ListFeatures"):
        for page in ({"page": -1, "limit": 2}, {"page": 1}, {"page": 9, "limit": 2}):
            both(f"page {page}", method, request(project=P, pagination=page))
        both("sorted", method, request(project=P, sorting={"sort_by": "nope"}))
for method, names in {
    "GetEntity": ["usér"], "GetDataSource": ["sourçe", "push", "kafka", "request"], "GetFeatureView": ["vïew", "nobody", "disabled", "chained", "batch", "stream"],
    "GetStreamFeatureView": ["stream", "vïew"], "GetOnDemandFeatureView": ["computed"], "GetLabelView": ["labels"], "GetFeatureService": ["servïce"],
    "GetAnyFeatureView": ["vïew", "stream", "computed", "labels"], "GetSavedDataset": ["sét"], "GetPermission": ["perm"],
}.items():
    for name in names:
        both(f"get {name}", method, methods[method](name=name, project=P))
both("get", "GetProject", pb.GetProjectRequest(name=P))
for feature, of in [("f", "vïew"), ("nope", "vïew"), ("f", "nope")]:
    both(f"{feature} of {of}", "GetFeature", pb.GetFeatureRequest(project=P, feature_view=of, name=feature))
for kind in ["featureView", "nope"]:
    both(kind, "GetObjectRelationships", pb.GetObjectRelationshipsRequest(project=P, object_type=kind, object_name="vïew"))
for filters in [{"entity": "usér"}, {"feature": "more"}, {"feature_service": "servïce"}, {"data_source": "push"}, {"updated_since": Timestamp(seconds=2**33)}]:
    both(f"views of {sorted(filters)}", "ListAllFeatureViews", pb.ListAllFeatureViewsRequest(project=P, **filters))
start, end = Timestamp(seconds=1700000000), Timestamp(seconds=1700086400)
for label, name, span in [("nowhere", "nope", (start, end)), ("backwards", "nobody", (end, start))]:
    both(label, "ApplyMaterialization", pb.ApplyMaterializationRequest(
        feature_view=FeatureViewProto(spec={"name": name}), project=P, start_date=span[0], end_date=span[1]))
both("taken", "ApplyFeatureView", pb.ApplyFeatureViewRequest(project=P, label_view=LabelViewProto(spec={"name": "vïew", "entities": ["usér"]})))
both("no name", "ApplyEntity", pb.ApplyEntityRequest(entity=EntityProto(spec={"join_key": "x"}), project=P))
for size in [5, 65]:
    big = EntityProto(spec={"name": "big", "join_key": "x", "description": "x" * (size << 20)})
    both(f"{size} MiB", "ApplyEntity", pb.ApplyEntityRequest(entity=big, project="big"))
registries["ours"].stub.Refresh(pb.RefreshRequest(project="big"))
for name in ["computed", "chained", "labels"]:
    compare(f"delete {name}", lambda r: r.delete_feature_view(name, P))
compare("delete dataset", lambda r: r.delete_saved_dataset("sét", P))
compare("delete permission", lambda r: r.delete_permission("perm", P))
read("deleted")
compare("delete project", lambda r: r.delete_project(P))
read("gone")
unlisted = {label: pair for label, pair in different.items() if not any(fnmatch(label, pattern) for pattern in known)}
for pattern in known:
    if not any(fnmatch(label, pattern) for label in different):
        unlisted[pattern] = ["known to differ", "and does not"]
print(calls, clearer)
json.dump(unlisted, sys.stdout, indent=1, ensure_ascii=False)
sys.stdout.flush()
os._exit(0)

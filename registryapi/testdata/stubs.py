"""Calls every method of feast.registry.RegistryServer by the SDK's stubs.

    python stubs.py HOST:PORT

Every write is read back. Prints how many methods were called.
"""

import sys
from datetime import datetime, timezone

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from feast.lineage.registry_lineage import RegistryLineageGenerator
from feast.protos.feast.core.DataSource_pb2 import DataSource
from feast.protos.feast.core.Entity_pb2 import Entity
from feast.protos.feast.core.Feature_pb2 import FeatureSpecV2
from feast.protos.feast.core.FeatureService_pb2 import FeatureService
from feast.protos.feast.core.FeatureView_pb2 import FeatureView
from feast.protos.feast.core.FeatureViewProjection_pb2 import FeatureViewProjection
from feast.protos.feast.core.InfraObject_pb2 import Infra
from feast.protos.feast.core.LabelView_pb2 import LabelView
from feast.protos.feast.core.OnDemandFeatureView_pb2 import OnDemandFeatureView, OnDemandSource
from feast.protos.feast.core.Permission_pb2 import Permission
from feast.protos.feast.core.Project_pb2 import Project
from feast.protos.feast.core.SavedDataset_pb2 import SavedDataset, SavedDatasetStorage
from feast.protos.feast.core.StreamFeatureView_pb2 import StreamFeatureView
from feast.protos.feast.core.ValidationProfile_pb2 import ValidationReference
from feast.protos.feast.registry import RegistryServer_pb2 as pb
from feast.protos.feast.registry.RegistryServer_pb2_grpc import RegistryServerStub

P = "stubs"
called = set()


class Stub:
    """Notes which methods are called."""

    def __init__(self, channel):
        self.stub = RegistryServerStub(channel)

    def __getattr__(self, name):
        called.add(name)
        return getattr(self.stub, name)


def missing(call, request, kind):
    """Asserts that a call finds nothing, in the words of Feast's class."""
    try:
        call(request)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert f'"class":"{kind}"' in error.details().replace('": "', '":"'), error.details()
    else:
        raise AssertionError(f"{request} was found")


def fields(*names):
    return [FeatureSpecV2(name=name, value_type=5, tags={"t": name}) for name in names]


stub = Stub(grpc.insecure_channel(sys.argv[1]))
tags = {"team": "a", "ünï": "cödé"}
stub.ApplyProject(pb.ApplyProjectRequest(project=Project(spec={"name": P, "description": "d", "tags": tags, "owner": "o"})))
source = DataSource(name="source", type=DataSource.BATCH_FILE, timestamp_field="at", tags=tags, owner="o",
                    file_options={"uri": "stats.parquet"}, data_source_class_type="feast.infra.offline_stores.file_source.FileSource")
push = DataSource(name="push", type=DataSource.PUSH_SOURCE, batch_source=source, tags=tags,
                  data_source_class_type="feast.data_source.PushSource")
for s in [source, push]:
    stub.ApplyDataSource(pb.ApplyDataSourceRequest(data_source=s, project=P))
for name in ["user", "shop"]:
    stub.ApplyEntity(pb.ApplyEntityRequest(entity=Entity(spec={"name": name, "join_key": name + "_id", "value_type": 2, "tags": tags}), project=P))
keys = [FeatureSpecV2(name="user_id", value_type=2)]
view = FeatureView(spec={"name": "view", "entities": ["user"], "entity_columns": keys, "features": fields("f", "g"), "online": True,
                         "batch_source": source, "stream_source": push, "tags": tags, "owner": "me", "version": "latest"})
stream = StreamFeatureView(spec={"name": "stream", "entities": ["user"], "entity_columns": keys, "features": fields("s"),
                                 "batch_source": source, "stream_source": push, "tags": tags, "mode": "python", "version": "latest"})
on_demand = OnDemandFeatureView(spec={"name": "computed", "entities": ["user"], "entity_columns": keys, "features": fields("o"), "mode": "python", "tags": tags, "version": "latest"})
on_demand.spec.sources["view"].CopyFrom(OnDemandSource(feature_view_projection=FeatureViewProjection(
    feature_view_name="view", feature_columns=fields("f"))))
on_demand.spec.sources["request"].CopyFrom(OnDemandSource(request_data_source=DataSource(
    name="request", type=DataSource.REQUEST_SOURCE, request_data_options={"schema": fields("add")})))
labels = LabelView(spec={"name": "labels", "entities": ["user"], "entity_columns": keys, "features": fields("label"), "source": push,
                         "tags": tags, "labeler_field": "who"})
for argument, message in {"feature_view": view, "stream_feature_view": stream, "on_demand_feature_view": on_demand, "label_view": labels}.items():
    stub.ApplyFeatureView(pb.ApplyFeatureViewRequest(project=P, **{argument: message}))
service = FeatureService(spec={"name": "service", "tags": tags, "features": [
    FeatureViewProjection(feature_view_name="view", feature_columns=fields("f")),
    FeatureViewProjection(feature_view_name="labels", feature_columns=fields("label"), view_type="labelView")]})
stub.ApplyFeatureService(pb.ApplyFeatureServiceRequest(feature_service=service, project=P))
dataset = SavedDataset(spec={"name": "dataset", "features": ["view:f", "view@v2:g"], "join_keys": ["user_id"], "tags": tags, "namespace": "n",
                             "collection": "c", "feature_service_name": "service",
                             "storage": SavedDatasetStorage(file_storage={"uri": "stats.parquet"})})
stub.ApplySavedDataset(pb.ApplySavedDatasetRequest(saved_dataset=dataset, project=P))
stub.ApplyValidationReference(pb.ApplyValidationReferenceRequest(project=P, validation_reference=ValidationReference(
    name="reference", reference_dataset_name="dataset", tags=tags)))
stub.ApplyPermission(pb.ApplyPermissionRequest(project=P, permission=Permission(spec={
    "name": "permission", "types": [2], "actions": [1], "policy": {"role_based_policy": {"roles": ["r"]}}, "tags": tags, "required_tags": {"x": "y"}})))
infra = Infra(infra_objects=[{"infra_object_class_type": "feast.infra.online_stores.sqlite.SqliteTable",
                              "sqlite_table": {"path": "online.db", "name": P + "_view"}}])
stub.UpdateInfra(pb.UpdateInfraRequest(infra=infra, project=P))
assert not Stub(grpc.insecure_channel(sys.argv[1], [("grpc.use_local_subchannel_pool", 1)])).ListProjects(pb.ListProjectsRequest()).projects
stub.Commit(Empty())

at = Timestamp()
at.FromDatetime(datetime(2024, 1, 31, tzinfo=timezone.utc))
for name in ["view", "stream"]:
    stub.ApplyMaterialization(pb.ApplyMaterializationRequest(
        feature_view=FeatureView(spec={"name": name}), project=P, start_date=at, end_date=at, commit=True))
stub.Refresh(pb.RefreshRequest(project=P))

# Everything is read back as it was written, but for what a registry adds.
singles = [
    ("Entity", "ListEntities", "entities", "user", "EntityNotFoundException", None),
    ("DataSource", "ListDataSources", "data_sources", "source", "DataSourceObjectNotFoundException", source),
    ("FeatureView", "ListFeatureViews", "feature_views", "view", "FeatureViewNotFoundException", view),
    ("StreamFeatureView", "ListStreamFeatureViews", "stream_feature_views", "stream", "FeatureViewNotFoundException", stream),
    ("OnDemandFeatureView", "ListOnDemandFeatureViews", "on_demand_feature_views", "computed", "FeatureViewNotFoundException", on_demand),
    ("LabelView", "ListLabelViews", "label_views", "labels", "FeatureViewNotFoundException", labels),
    ("FeatureService", "ListFeatureServices", "feature_services", "service", "FeatureServiceNotFoundException", service),
    ("SavedDataset", "ListSavedDatasets", "saved_datasets", "dataset", "SavedDatasetNotFound", dataset),
    ("ValidationReference", "ListValidationReferences", "validation_references", "reference", "ValidationReferenceNotFound", None),
    ("Permission", "ListPermissions", "permissions", "permission", "PermissionObjectNotFoundException", None),
]
for kind, lister, field, name, error, written in singles:
    get = lambda name: getattr(stub, "Get" + kind)(getattr(pb, f"Get{kind}Request")(name=name, project=P))
    found = get(name)
    spec = getattr(found, "spec", found)
    assert (spec.name, spec.project, dict(spec.tags)) == (name, P, tags), found
    if written is not None and kind != "DataSource":
        for column in ["entities", "features", "owner", "labeler_field", "join_keys", "storage", "namespace", "mode"]:
            if hasattr(written.spec, column) and kind not in ("StreamFeatureView", "FeatureService"):
                assert getattr(found.spec, column) == getattr(written.spec, column), (kind, column, found)
    missing(get, "nope", error)
    list_all = lambda **filters: getattr(stub, lister)(getattr(pb, lister + "Request")(project=P, **filters))
    assert name in [getattr(o, "spec", o).name for o in getattr(list_all(tags={"team": "a"}), field)], kind
    empty = list_all(tags={"team": "b"})
    assert not getattr(empty, field) and empty.pagination == pb.PaginationMetadata() and empty.HasField("pagination"), empty
materialized = stub.GetFeatureView(pb.GetFeatureViewRequest(name="view", project=P)).meta
assert [(i.start_time, i.end_time) for i in materialized.materialization_intervals] == [(at, at)], materialized
assert stub.GetStreamFeatureView(pb.GetStreamFeatureViewRequest(name="stream", project=P)).meta.materialization_intervals[0].end_time == at
assert stub.GetProject(pb.GetProjectRequest(name=P)).spec.description == "d"
assert [p.spec.name for p in stub.ListProjects(pb.ListProjectsRequest(tags=tags)).projects] == [P]
assert stub.GetInfra(pb.GetInfraRequest(project=P)) == infra
assert not stub.GetInfra(pb.GetInfraRequest(project="another")).infra_objects
assert not stub.ListProjectMetadata(pb.ListProjectMetadataRequest(project=P)).project_metadata
assert len(stub.ListSavedDatasets(pb.ListSavedDatasetsRequest(project=P, namespace="n", collection="c")).saved_datasets) == 1
assert not stub.ListSavedDatasets(pb.ListSavedDatasetsRequest(project=P, namespace="m")).saved_datasets
assert not stub.ListFeatureServices(pb.ListFeatureServicesRequest(project=P, feature_view="computed")).feature_services
for name, kind in {"view": "feature_view", "stream": "stream_feature_view", "computed": "on_demand_feature_view", "labels": "label_view"}.items():
    found = stub.GetAnyFeatureView(pb.GetAnyFeatureViewRequest(name=name, project=P)).any_feature_view
    assert found.WhichOneof("any_feature_view") == kind, found


def all_views(**filters):
    views = stub.ListAllFeatureViews(pb.ListAllFeatureViewsRequest(project=P, **filters)).feature_views
    return [getattr(v, v.WhichOneof("any_feature_view")).spec.name for v in views]


assert all_views() == ["view", "stream", "computed"], all_views()
assert all_views(entity="user") == all_views() and all_views(entity="shop") == []
assert all_views(feature="o") == ["computed"]
assert all_views(feature_service="service") == ["view"] and all_views(feature_service="nope") == []
assert all_views(data_source="push") == ["view", "stream"] and all_views(data_source="request") == ["computed"]
assert all_views(updated_since=at) == all_views() and all_views(updated_since=Timestamp(seconds=2**35)) == []

# Paging and sorting.
page = stub.ListFeatures(pb.ListFeaturesRequest(project=P, pagination={"page": 2, "limit": 2}, sorting={"sort_by": "name", "sort_order": "desc"}))
assert [f.name for f in page.features] == ["label", "g"], page
assert page.pagination == pb.PaginationMetadata(page=2, limit=2, total_count=5, total_pages=3, has_next=True, has_previous=True), page.pagination
assert [(f.name, f.kind) for f in stub.ListFeatures(pb.ListFeaturesRequest(project=P, kind="label")).features] == [("label", "label")]
one = stub.GetFeature(pb.GetFeatureRequest(project=P, feature_view="view", name="g"))
assert (one.type, one.owner, dict(one.tags), one.feature_view) == ("Float64", "me", {"t": "g"}, "view"), one
missing(stub.GetFeature, pb.GetFeatureRequest(project=P, feature_view="view", name="nope"), "FeastObjectNotFoundException")

# The lineage is what Feast makes of the same registry.
registry = stub.Proto(Empty())
direct, indirect = RegistryLineageGenerator().generate_lineage(registry)
pairs = lambda relations: sorted((r.source.type, r.source.name, r.target.type, r.target.name) for r in relations)
lineage = stub.GetRegistryLineage(pb.GetRegistryLineageRequest(project=P))
assert pairs(lineage.relationships) == pairs(r.to_proto() for r in direct), (pairs(lineage.relationships), pairs(r.to_proto() for r in direct))
assert pairs(lineage.indirect_relationships) == pairs(r.to_proto() for r in indirect)
assert lineage.relationships_pagination.total_count == len(direct)
for kind, name in [("dataSource", "source"), ("entity", "user"), ("featureView", "view"), ("labelView", "labels"),
                   ("featureService", "service"), ("feature", "f"), ("savedDataset", "dataset")]:
    ours = stub.GetObjectRelationships(pb.GetObjectRelationshipsRequest(project=P, object_type=kind, object_name=name, include_indirect=True))
    theirs = RegistryLineageGenerator().get_object_relationships(registry, kind, name, include_indirect=True)
    assert pairs(ours.relationships) == pairs(r.to_proto() for r in theirs) and theirs, (kind, ours)

# Datasets: made by a job, which ends in one way or the other.
request = pb.CreateDatasetFromRetrievalRequest(
    name="made", project=P, features=["view:f"], entity_source_type="inline", entity_keys=["user_id"], entity_values="a, b",
    end_date="2024-01-31", storage_type="file", storage_path="made.parquet")
for call, request in [(stub.CreateDatasetFromRetrieval, request), (stub.GetDatasetData, pb.GetDatasetDataRequest(name="dataset", project=P))]:
    try:
        call(request)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION and "without an offline store" in error.details(), error
missing(stub.GetDatasetJobStatus, pb.GetDatasetJobStatusRequest(job_id="nope"), "FeastObjectNotFoundException")
assert not stub.ListDatasetJobs(pb.ListDatasetJobsRequest(project=P)).jobs

# Deleting.
for kind, lister, field, name, error, _ in singles:
    view_kind = kind.endswith("View")
    delete = stub.DeleteFeatureView if view_kind else getattr(stub, "Delete" + kind)
    request = pb.DeleteFeatureViewRequest if view_kind else getattr(pb, f"Delete{kind}Request")
    delete(request(name=name, project=P, commit=True))
    missing(delete, request(name=name, project=P, commit=True), error)
    missing(getattr(stub, "Get" + kind), getattr(pb, f"Get{kind}Request")(name=name, project=P), error)
stub.DeleteProject(pb.DeleteProjectRequest(name=P, commit=True))
missing(stub.GetProject, pb.GetProjectRequest(name=P), "ProjectObjectNotFoundException")
methods = {m.name for m in pb.DESCRIPTOR.services_by_name["RegistryServer"].methods}
assert methods == called, (methods - called, called - methods)
print(len(called))

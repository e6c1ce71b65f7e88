# Asks as Feast's SDK did until 0.66, which puts its rows and then fetches the
# answer. What is printed are the checks that were made.
import os, sys, warnings

warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import json
import pandas as pd
import pyarrow.flight as fl
from feast.errors import FeastObjectNotFoundException, FeatureViewNotFoundException
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores import remote as protocol
import feast, repository

assert feast.__version__.startswith("0.66.") and not hasattr(protocol, "_call_exchange"), feast.__version__
folder, address = sys.argv[2:4]
_, store = repository.stores(folder, address, own="file")
hours = lambda n: repository.START + pd.Timedelta(hours=n)
df = pd.DataFrame({"driver_id": [1, 2, 99, 1], "event_timestamp": [hours(h) for h in (13, 30, 30, 180)], "factor": [1.0, 2, 3, 4]})
stats = pd.read_parquet(folder + "/stats.parquet")

ours = store.get_historical_features(df, ["stats_fv:trips", "scaled_od:scaled"]).to_df()
want = stats[(stats.driver_id == 1) & (stats.event_timestamp <= hours(13))].trips.iloc[-1]
assert ours.driver_id.tolist() == df.driver_id.tolist() and ours.trips[0] == want and ours.scaled[0] == want + 1 and ours.trips.isna().tolist() == [False, False, True, True], ours
print("training data")
sql = store.get_historical_features("SELECT 1 AS driver_id, TIMESTAMP '2024-01-01 13:00:00' AS event_timestamp", ["stats_fv:trips"]).to_df()
assert sql.trips.tolist() == [want], sql
print("SQL")
span = store.get_historical_features(None, ["stats_fv:trips"], start_date=hours(3).to_pydatetime(), end_date=hours(12).to_pydatetime()).to_df()
assert len(span) == ((stats.event_timestamp >= hours(3)) & (stats.event_timestamp <= hours(12))).sum(), span
print("span")
store.materialize(hours(0).to_pydatetime(), hours(200).to_pydatetime(), feature_views=["stats_fv"])
assert store.get_online_features(["stats_fv:trips"], [{"driver_id": 1}]).to_dict()["trips"] == [int(stats[stats.driver_id == 1].trips.iloc[-1])]
print("materialize")
store.write_to_offline_store("stats_fv", stats[:1].assign(driver_id=77))
assert (pd.read_parquet(folder + "/stats.parquet").driver_id == 77).sum() == 1
print("write_to_offline_store")
path = folder + "/saved.parquet"
store.create_saved_dataset(store.get_historical_features(df, ["stats_fv:trips"]), "saved", SavedDatasetFileStorage(path))
assert len(pd.read_parquet(path)) == 4 and len(store.get_saved_dataset("saved").to_df()) == 4
print("saved dataset")

client = protocol.build_arrow_flight_client("http", address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1]), store.config.auth_config)
asked = {"feature_view_names": ["stats_fv"], "name_aliases": [None], "feature_refs": ["stats_fv:trips"], "project": "fleet", "full_feature_names": False}
put = lambda **more: protocol._call_put("get_historical_features", {**asked, **more}, client, df, None)
held = put()
listed = [json.loads(f.descriptor.command)["command_id"] for f in client.list_flights()]
assert listed == [json.loads(held.command)["command_id"]], listed
assert len(protocol._call_get(client, held)) == 4 and not list(client.list_flights())
try:
    protocol._call_get(client, held)
    raise AssertionError("an answer was fetched twice")
except FeastObjectNotFoundException as e:
    assert "fetched already" in str(e), e
assert sorted(a.type for a in client.list_actions()) == ["offline_write_batch", "persist", "write_logged_features"]
print("held")
try:
    protocol._call_get(client, put(feature_view_names=["gone_fv"]))
    raise AssertionError("there is no such view")
except FeatureViewNotFoundException as e:
    assert "gone_fv" in str(e), e
print("errors")

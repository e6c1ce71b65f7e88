# Saves two datasets with Feast's SDK into the registry of the repository that
# the first argument names. The second lies in a file of an offline store that
# Feast cannot use beside PostgreSQL, so its object alone is applied.
import sys
from datetime import datetime, timezone

import pandas as pd
from feast import FeatureService, FeatureStore
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import SavedDatasetPostgreSQLStorage
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.saved_dataset import SavedDataset

store = FeatureStore(repo_path=sys.argv[1])
rows = pd.DataFrame({
    "user_id": ["3413-BMNZE", "0000-NOONE"],
    "event_timestamp": pd.to_datetime(["2024-02-10", "2024-02-11"], utc=True),
})

older = SavedDataset(
    name="ältere",
    features=["subs_profile_fv:monthly_fee"],
    join_keys=["user_id"],
    storage=SavedDatasetFileStorage("/data/saved.parquet"),
)
older.min_event_timestamp = datetime(2024, 2, 10, tzinfo=timezone.utc)
older.max_event_timestamp = datetime(2024, 2, 11, tzinfo=timezone.utc)
store.registry.apply_saved_dataset(older, store.project)

service = FeatureService(
    name="two_fees",
    features=[
        store.get_feature_view("subs_profile_fv")[["monthly_fee"]],
        store.get_feature_view("usage_agg_30d_fv")[["watch_hours_30d"]],
    ],
)
store.apply([service])
store.create_saved_dataset(
    from_=store.get_historical_features(entity_df=rows, features=service, full_feature_names=True),
    name="of a service",
    storage=SavedDatasetPostgreSQLStorage(table_ref="saved_fees"),
    feature_service=service,
)

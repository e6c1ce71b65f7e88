"""Applies fifty feature views by Feast's SDK, and prints how many seconds it takes.

    python fifty.py DIR HOST:PORT PROJECT
"""

import os
import sys
import time

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, String

directory, address, project = sys.argv[1:]
with open(os.path.join(directory, "feature_store.yaml"), "w") as file:
    file.write(f"project: {project}\nprovider: local\nregistry: {{registry_type: remote, path: '{address}'}}\n"
               "online_store: {type: remote, path: 'http://127.0.0.1:1'}\nentity_key_serialization_version: 3\n")
store = FeatureStore(repo_path=directory)
store.list_projects()
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
source = FileSource(name="stats", path="stats.parquet", timestamp_field="at")
schema = [Field(name="user_id", dtype=String)] + [Field(name=f"f{i}", dtype=Float32) for i in range(10)]
views = [FeatureView(name=f"applied{i}", entities=[user], source=source, schema=schema) for i in range(50)]
began = time.perf_counter()
store.apply([user, source, *views])
print(time.perf_counter() - began)
sys.stdout.flush()
os._exit(0)

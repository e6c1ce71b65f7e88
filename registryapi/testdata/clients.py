"""Clients of registries, each a process of its own, that apply for some time.

    python clients.py DIR SECONDS REGISTRIES [kill]

REGISTRIES is JSON: by name, what feature_store.yaml says of the registry. Eight
processes apply to all of them in turn, over and over: a group of a source, an
entity, a view and a service, in one apply; then they record that a span of a view
was materialized, all of them of the view "shared". A registry whose name begins with "direct" is
Feast's own, and has a process to itself. With kill, a process is killed every
now and then and another one takes its place.

DIR/log has a file for each process: a line for each apply that was answered, as
REGISTRY KIND WHAT, where KIND is began, group, span or failed.
"""

import json
import os
import random
import signal
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import feast.infra.registry.remote
import feast.infra.registry.sql
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, String

directory, seconds, registries = Path(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3])
start = datetime(2024, 1, 1, tzinfo=timezone.utc)


def group(name):
    source = FileSource(name="d" + name, path="stats.parquet", timestamp_field="at")
    entity = Entity(name="e" + name, join_keys=["k" + name], value_type=ValueType.STRING)
    view = FeatureView(name="v" + name, entities=[entity], source=source,
                       schema=[Field(name="k" + name, dtype=String), Field(name="x", dtype=Float32)])
    return [source, entity, view, FeatureService(name="s" + name, features=[view])]


def open_store(name, registry):
    repository = directory / name
    repository.mkdir(exist_ok=True)
    (repository / "feature_store.yaml").write_text(
        f"project: shop\nprovider: local\nregistry: {registry}\nonline_store: {{type: remote, path: 'http://127.0.0.1:1'}}\n"
        "entity_key_serialization_version: 3\n")
    return FeatureStore(repo_path=repository)


def client(number, names):
    """Applies to registries until the deadline."""
    log = open(directory / "log" / str(number), "a", buffering=1)
    stores = {}
    i = 0
    while time.time() < deadline:
        i += 1
        for name in names:
            what = f"{number}_{i}"
            kind = "group"
            log.write(f"{name} began {what}\n")
            try:
                store = stores[name] = stores.get(name) or open_store(f"{name}{number}", registries[name])
                store.apply(group(what))
                log.write(f"{name} group {what}\n")
                kind = "span"
                # Feast's own registry forgets what others record of the same view meanwhile.
                view = f"v{number}_1" if name.startswith("direct") else "shared"
                day = start + timedelta(days=10000 * number + 2 * i)
                store.registry.apply_materialization(store.get_feature_view(view), "shop", day, day + timedelta(days=1))
                log.write(f"{name} span {view} {10000 * number + 2 * i}\n")
            except Exception as error:
                log.write(f"{name} failed {kind} {what} {type(error).__name__} {' '.join(str(error).split())[:200]}\n")
                time.sleep(0.05)


def fork(number, names):
    pid = os.fork()
    if pid == 0:
        try:
            client(number, names)
        finally:
            os._exit(0)
    return pid


open_store("warm", "registry.db").apply(group("warm"))  # imports all that an apply needs, once for all processes
(directory / "log").mkdir()
deadline = time.time() + seconds
served = [name for name in registries if not name.startswith("direct")]
running = {fork(number, served): served for number in range(8)}
next_number = 8
for name in registries:
    if name.startswith("direct"):
        running[fork(next_number, [name])] = [name]
        next_number += 1
while time.time() < deadline:
    time.sleep(min(0.4, max(0.0, deadline - time.time())))
    if "kill" in sys.argv[4:] and time.time() < deadline - 1:
        pid = random.choice([pid for pid, names in running.items() if names is served])
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        running[fork(next_number, running.pop(pid))] = served
        next_number += 1
for pid in running:
    os.waitpid(pid, 0)
print(next_number)

"""Loads the definitions of a Feast repository and prints them as messages.

Usage: bypython.py REPOSITORY PROJECT. Each line of the output is the name of a
message of Feast's registry, a blank, and the message in base64.
"""

import base64
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
repository, project = Path(sys.argv[1]).resolve(), sys.argv[2]
os.chdir(repository)
sys.path[0] = str(repository)
sys.dont_write_bytecode = True

# What a definition file prints is not ours.
out, sys.stdout = sys.stdout, sys.stderr

from feast.repo_operations import parse_repo  # noqa: E402

repo = parse_repo(repository)
views = repo.feature_views + repo.on_demand_feature_views + repo.stream_feature_views
views += getattr(repo, "label_views", [])
by_name = {view.name: view for view in views}
sources = {id(s): s for s in repo.data_sources}
for view in repo.on_demand_feature_views:
    for source in view.source_request_sources.values():
        sources.setdefault(id(source), source)
for service in repo.feature_services:
    if getattr(service, "_pending_feature_refs", None):
        service.resolve_pending_refs(project, None, by_name)

objects = repo.projects + repo.entities + list(sources.values()) + views + repo.feature_services + repo.permissions
for item in objects:
    message = item.to_proto()
    print(message.DESCRIPTOR.full_name, base64.b64encode(message.SerializeToString()).decode(), file=out)

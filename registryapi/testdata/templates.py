"""Applies Feast's templates by its command line, with several registries.

    python templates.py DIR REGISTRIES TEMPLATE…

REGISTRIES is JSON: by name, what feature_store.yaml says of the registry and of
the online store. The repository of a template is DIR/TEMPLATE, and so is its
project. Prints, as JSON by registry and template, what the commands print, and
as "again" which objects a second apply has changed. At the end the project of the
first template is deleted.
"""

import importlib.util
import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
from click.testing import CliRunner
from feast import FeatureStore
from feast.cli.cli import cli
from feast.driver_test_data import create_driver_hourly_stats_df
from feast.file_utils import replace_str_in_file

directory, registries, templates = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
installed = Path(importlib.util.find_spec("feast").origin).parent / "templates"
kinds = ["entities", "data-sources", "feature-views", "on-demand-feature-views", "stream-feature-views", "label-views", "feature-services",
         "saved-datasets", "validation-references", "permissions", "projects", "features"]


def make(template):
    """Makes a repository as `feast init` does, without its questions."""
    repository = directory / template
    shutil.copytree(installed / template / "feature_repo", repository, ignore=shutil.ignore_patterns("__pycache__", "test_workflow.py"))
    (repository / "data").mkdir()
    stats = create_driver_hourly_stats_df([1001, 1002], datetime(2024, 1, 1), datetime(2024, 1, 3))
    stats.to_parquet(repository / "data/driver_stats.parquet", allow_truncated_timestamps=True)
    pd.DataFrame({"driver_id": [1], "is_reliable": [1], "quality_score": pd.array([0.5], "float32"), "reviewer_notes": ["n"], "labeler": ["l"],
                  "event_timestamp": [datetime(2024, 1, 1)]}).to_parquet(repository / "data/labels.parquet")
    definitions = repository / "feature_definitions.py"
    if definitions.exists():
        for placeholder, value in {"%PROJECT_NAME%": template, "%PARQUET_PATH%": "data/driver_stats.parquet", "%LOGGING_PATH%": "data",
                                   "%LABEL_DATA_PATH%": "data/labels.parquet"}.items():
            replace_str_in_file(definitions, placeholder, value)
    return repository


def feast(repository, *command):
    """Runs a command in a repository, whose modules no other one sees."""
    before = set(sys.modules)
    result = CliRunner().invoke(cli, ["-c", str(repository), *command])
    for name in set(sys.modules) - before:
        if str(directory) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    if result.exit_code != 0:
        sys.exit(f"feast {' '.join(command)} in {repository}: {result.output}{result.exception!r}")
    return result.stdout


def objects(repository):
    """The objects of a registry, by kind and name."""
    registry = FeatureStore(repo_path=repository).registry.proto()
    return {f"{field.name} {getattr(o, 'spec', o).name}": o.SerializeToString(deterministic=True)
            for field, found in registry.ListFields() if field.is_repeated for o in found}


said = {}
for template in templates:
    repository = make(template)
    for name, stores in registries.items():
        (repository / "feature_store.yaml").write_text(f"project: {template}\nprovider: local\nentity_key_serialization_version: 3\n{stores}\n")
        feast(repository, "apply")
        before = objects(repository)
        feast(repository, "apply")
        again = [at for at, text in objects(repository).items() if text != before.get(at)]
        lists = {kind: feast(repository, kind, "list") for kind in kinds}
        said.setdefault(name, {})[template] = {"again": again, "plan": feast(repository, "plan"), "lists": lists}
for stores in registries.values():
    repository = directory / templates[0]
    (repository / "feature_store.yaml").write_text(f"project: {templates[0]}\nprovider: local\nentity_key_serialization_version: 3\n{stores}\n")
    FeatureStore(repo_path=repository).registry.delete_project(templates[0])
json.dump(said, sys.stdout)

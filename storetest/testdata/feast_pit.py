"""Asks Feast what the corpus of point-in-time cases asks.

Takes a file of cases, as feast_pit_test.go writes it, and prints for each case
and offline store how Feast's answer differs: not at all, in which rows there
are, in their values, or by an error. The order of rows is not looked at: Feast
promises none.
"""

import base64
import datetime
import decimal
import json
import math
import sys
import uuid
from collections import Counter

import duckdb
import numpy
import psycopg
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, types
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.value_type import ValueType

given = json.load(open(sys.argv[1]))
where = given["directory"]
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
pg = psycopg.connect(given["postgres"]["url"], autocommit=True)
pg.execute("SET TimeZone = 'UTC'")


def dtype(name):
    return eval(name, dict(vars(types)))  # Int64, Array(Int64): names of our own corpus


def canonical(value, typ=""):
    """One form for a value, whoever wrote it."""
    if value is None or value is numpy.nan:
        return None
    if typ in ("Map", "ScalarMap") and isinstance(value, list):
        value = {str(name): member for name, member in value}  # Arrow's maps
    if isinstance(value, (list, tuple, numpy.ndarray)) and not typ.startswith("Struct("):
        inner = typ[typ.index("(") + 1 : -1] if "(" in typ else ""
        return tuple(canonical(v, inner) for v in value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value.isoformat(timespec="microseconds")
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day).isoformat(timespec="microseconds")
    if typ in ("Map", "ScalarMap", "Json") or typ.startswith("Struct("):
        value = json.loads(value) if isinstance(value, str) else value
        return json.dumps(value, sort_keys=True) if value is not None or typ == "Json" else None
    if typ == "Decimal":
        return decimal.Decimal(str(value)).normalize()
    if isinstance(value, (bool, numpy.bool_)):
        return bool(value)
    if isinstance(value, (int, float, decimal.Decimal, numpy.number)):
        if isinstance(value, (float, numpy.floating)) and math.isnan(value):
            return "NaN"
        if isinstance(value, decimal.Decimal):
            value = float(value)
        return float(numpy.float32(value)) if typ == "Float32" else value
    return value


def wanted(text, typ):
    """The value that a word of the corpus stands for."""
    if text is None:
        return None
    if typ.startswith(("Array(", "Set(")):
        inner = typ[typ.index("(") + 1 : -1]
        return tuple(None if v is None else wanted(v if isinstance(v, str) else json.dumps(v), inner) for v in json.loads(text))
    if typ in ("Int32", "Int64"):
        return int(text)
    if typ in ("Float32", "Float64"):
        return canonical(float(text), typ)
    if typ == "Bool":
        return text == "true"
    if typ in ("UnixTimestamp", "ZonedTimestamp"):
        return canonical(datetime.datetime.fromisoformat(text))
    return canonical(text, typ)


class Store:
    def __init__(self, name, config):
        self.name, self.config = name, config

    def source(self, case, view):
        names = {c: n for c, n, _ in view["keys"] + view["features"] if c != n}
        arguments = dict(name=view["name"] + "_source", timestamp_field=view["time"], created_timestamp_column=view["created"], field_mapping=names)
        if self.name == "postgres":
            return PostgreSQLSource(table=f"c{case['number']}_{view['name']}", **arguments)
        return FileSource(path=f"{where}/c{case['number']}_{view['name']}.parquet", **arguments)

    def load(self, case):
        for view in case["views"]:
            table = f"c{case['number']}_{view['name']}"
            if self.name == "postgres":
                pg.execute(f"CREATE TABLE {table} AS {view['flat']}")
            else:
                db.execute(f"COPY ({view['sql']}) TO '{where}/{table}.parquet' (FORMAT parquet)")

    def view(self, case, view):
        entities = [Entity(name=f"{name}_entity", join_keys=[name], value_type=ValueType[dtype(typ).to_value_type().name]) for _, name, typ in view["keys"]]
        schema = [Field(name=name, dtype=dtype(typ)) for _, name, typ in view["keys"] + view["features"]]
        ttl = datetime.timedelta(microseconds=view["ttl"])
        made = FeatureView(name=view["name"], entities=entities, ttl=ttl, schema=schema, online=False, source=self.source(case, view))
        return made, entities

    def ask(self, case):
        self.load(case)
        store = FeatureStore(config=RepoConfig(
            project="corpus", provider="local", entity_key_serialization_version=3, offline_store=self.config,
            registry=f"{where}/{self.name}_{case['number']}.db", online_store={"type": "sqlite", "path": f"{where}/online.db"}))
        views, objects = {}, {}
        for view in case["views"]:
            views[view["name"]], entities = self.view(case, view)
            objects.update({e.name: e for e in entities})
        if case["latest"]:
            return self.latest(store, case, views)
        store.apply(list(objects.values()) + list(views.values()))
        projections = []
        for p in case["service"]:
            used = views[p["view"]]
            if p["alias"]:
                used = used.with_name(p["alias"])
            if p["keys"]:
                used = used.with_join_key_map(p["keys"])
            projections.append(used[p["features"]])
        service = FeatureService(name="service", features=projections)
        store.apply([service])
        entities = db.sql(case["asked"]).df()
        job = store.get_historical_features(entity_df=entities, features=service, full_feature_names=True,
                                            **({"filter_by_created_timestamp": True} if case["cutoff"] else {}))
        return job.to_arrow()

    def latest(self, store, case, views):
        view = next(v for v in case["views"] if v["name"] == case["latest"]["view"])
        made = views[view["name"]]
        start = datetime.datetime.fromisoformat(case["latest"]["from"])
        end = datetime.datetime.fromisoformat(case["latest"]["to"])
        offline = store._get_provider().offline_store
        return offline.pull_latest_from_table_or_query(
            config=store.config, data_source=made.batch_source, join_key_columns=[c for c, _, _ in view["keys"]],
            feature_name_columns=[c for c, _, _ in view["features"]], timestamp_field=view["time"],
            created_timestamp_column=view["created"] or None, start_date=start, end_date=end).to_arrow()


def rows_of(table, columns):
    found = {name: table.column(name).to_pylist() for name, _ in columns}
    return [tuple(canonical(found[name][i], typ) for name, typ in columns) for i in range(table.num_rows)]


def difference(case, answer):
    got = rows_of(answer, case["columns"])
    want = [tuple(wanted(v, typ) for v, (_, typ) in zip(row, case["columns"])) for row in case["expect"]]
    if case["latest"] is None:
        asked = rows_of(db.execute(case["asked"]).fetch_arrow_table(), case["asked_columns"])
        want = [a + w for a, w in zip(asked, want)]
        named = rows_of(answer, case["asked_columns"])
        got = [a + g for a, g in zip(named, got)]
    if Counter(got) == Counter(want):
        return "", ""
    kind = "values" if len(got) == len(want) else "rows"
    missing, other = Counter(want) - Counter(got), Counter(got) - Counter(want)
    return kind, f"without {list(missing.elements())}, with {list(other.elements())}"


stores = [Store("duckdb", {"type": "duckdb"}), Store("postgres", dict(given["postgres"]["config"], type="postgres"))]
report = []
for case in given["cases"]:
    for store in stores:
        if store.name in case["not"]:
            continue
        try:
            answer = store.ask(case)
            kind, detail = ("answers", "") if case["fails"] else difference(case, answer)
        except Exception as fault:  # whatever Feast and its engines raise is its answer
            kind, detail = ("", "") if case["fails"] else ("error", f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"[:200])
        report.append({"case": case["name"], "store": store.name, "kind": kind, "detail": detail})
json.dump(report, open(sys.argv[2], "w"))

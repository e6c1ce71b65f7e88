"""Writes golden.jsonl: random entity keys as Feast's SDK serializes them.

    PATH=$VENV/bin:$PATH go generate ./entitykey

One object a line: version, names and values in the order given to Feast, and
the key's bytes in hexadecimal. Values are written as text, bytes as hex.
"""

import json
import pathlib
import random
import warnings

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

rng = random.Random(20240131)
warnings.simplefilter("ignore")

LETTERS = "abcABC_019é字😀"


def text(longest):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, longest)))


def integer(bits):
    edge = 1 << (bits - 1)
    return rng.choice([0, 1, -1, edge - 1, -edge, rng.randint(-edge, edge - 1)])


def value():
    kind = rng.choice(["string", "bytes", "int32", "int64", "unix_timestamp"])
    if kind == "string":
        v = text(12)
        return kind, v, Value(string_val=v)
    if kind == "bytes":
        v = rng.randbytes(rng.randint(0, 12))
        return kind, v.hex(), Value(bytes_val=v)
    v = integer(32 if kind == "int32" else 64)
    return kind, str(v), Value(**{kind + "_val": v})


def case():
    names = list({text(8) or "k" for _ in range(rng.randint(1, 4))})
    rng.shuffle(names)
    values = [value() for _ in names]
    version = rng.choice([2, 3])
    key = EntityKey(join_keys=names, entity_values=[v for _, _, v in values])
    return record(version, names, values, key)


def record(version, names, values, key):
    return {
        "version": version,
        "names": names,
        "values": [[kind, shown] for kind, shown, _ in values],
        "key": serialize_entity_key(key, version).hex(),
    }


def dummy(version):
    value = ("string", "", Value(string_val=""))
    key = EntityKey(join_keys=["__dummy_id"], entity_values=[value[2]])
    return record(version, ["__dummy_id"], [value], key)


cases = [dummy(2), dummy(3)] + [case() for _ in range(500)]
with open(pathlib.Path(__file__).with_name("golden.jsonl"), "w") as file:
    for c in cases:
        file.write(json.dumps(c) + "\n")

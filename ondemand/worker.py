"""Runs functions of on-demand feature views. Each request is a line of JSON
and an Arrow stream, each after its length; so is each answer."""
import io
import json
import os
import struct
import sys

import numpy
import pandas
import pyarrow

requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what a function prints is no part of an answer
functions = {}


def receive():
    size = requests.read(4)
    if len(size) < 4:
        sys.exit(0)
    return requests.read(struct.unpack("<I", size)[0])


def send(data):
    answers.write(struct.pack("<I", len(data)))
    answers.write(data)


def function(text, imports, name):
    key = (text, imports, name)
    if key not in functions:
        scope = {"__name__": "__main__", "pd": pandas, "pandas": pandas, "np": numpy, "numpy": numpy}
        exec(compile(imports, "<imports>", "exec"), scope)
        exec(compile(text, "<function>", "exec"), scope)
        functions[key] = scope[name]
    return functions[key]


def transform(head, table):
    f = function(head["text"], head["imports"], head["name"])
    if head["mode"] == "pandas":
        out = f(table.to_pandas())
        return pyarrow.Table.from_pandas(out, preserve_index=False)
    given = table.to_pydict()
    if not head["singleton"]:
        out = {**given, **f(given)}
        return pyarrow.table({k: v if isinstance(v, list) else [v] for k, v in out.items()})
    rows = [dict(zip(given, values)) for values in zip(*given.values())]
    return pyarrow.Table.from_pylist([{**row, **f(row)} for row in rows])


while True:
    head, stream = json.loads(receive()), receive()
    try:
        table = pyarrow.ipc.open_stream(stream).read_all()
        out = transform(head, table)
        out = out.select([n for n in head["features"] if n in out.column_names]).combine_chunks()
        if out.num_rows != table.num_rows:
            raise ValueError(f"the function gives {out.num_rows} rows for {table.num_rows}")
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, out.schema) as writer:
            writer.write_table(out)
        error, data = "", sink.getvalue()
    except BaseException as e:
        line, at = 0, e.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_filename == "<function>":
                line = at.tb_lineno
            at = at.tb_next
        error, data = f"{type(e).__name__}: {e}", b""
        if line:
            error = f"line {line} of the function: {error}"
    send(error.encode())
    send(data)
    answers.flush()

"""Answers requests with Feast's own REST registry.

    python referee.py DIR REQUESTS DEFINITIONS

DIR holds feature_store.yaml; REQUESTS is a JSON list of [method, target, body];
DEFINITIONS is a JSON list of pieces of Python, which are run one after another.
Prints a JSON list of [status, body], and on another line the names of the
objects that the definitions make.
"""

import asyncio
import enum
import json
import linecache
import sys
from urllib.parse import unquote

import fastapi
from feast import FeatureStore
from feast.api.registry.rest import rest_registry_server

# Two arguments that Feast 0.67 hands over have no meaning, and newer versions of FastAPI refuse them.
rest_registry_server.FastAPI = lambda **arguments: fastapi.FastAPI(
    **{k: v for k, v in arguments.items() if k not in ("default_status_code", "default_headers")})
app = rest_registry_server.RestRegistryServer(FeatureStore(repo_path=sys.argv[1])).app


async def ask(method, target, body):
    path, _, query = target.partition("?")
    text = b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "root_path": "",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "server": ("here", 80), "client": ("here", 1),
        "headers": [(b"host", b"here"), (b"content-type", b"application/json")], "state": {}}
    requests = [{"type": "http.request", "body": text, "more_body": False}]
    sent = []

    async def receive():
        return requests.pop() if requests else await asyncio.sleep(3600)

    async def send(message):
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:  # is raised again after it was answered
        pass
    status = next(m["status"] for m in sent if m["type"] == "http.response.start")
    answer = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return [status, json.loads(answer or "null")]


async def main():
    with open(sys.argv[2]) as requests:
        print(json.dumps([await ask(*r) for r in json.load(requests)]))


def define():
    made = {}
    with open(sys.argv[3]) as definitions:
        for i, text in enumerate(json.load(definitions)):
            name = f"definition {i}"
            linecache.cache[name] = len(text), None, text.splitlines(True), name  # where Feast looks for a function's text
            exec(compile(text, name, "exec"), made)
    return [f"{type(v).__name__} {v.name}" for v in made.values() if hasattr(v, "name") and not isinstance(v, (type, enum.Enum))]


asyncio.run(main())
print(json.dumps(define()))

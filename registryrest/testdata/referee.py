"""Answers requests with Feast's own REST registry.

    python referee.py DIR REQUESTS

DIR holds feature_store.yaml; REQUESTS is a JSON list of [method, target, body].
Prints a JSON list of [status, body].
"""

import asyncio
import json
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


asyncio.run(main())

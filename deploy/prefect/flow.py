"""Months of a pipeline, run by Prefect: by Asof's command line on the worker's
machine, or over HTTP by an Asof server.

Asof keeps the run: it loads nothing twice and goes on where it was. Prefect says
when a month is run, how often it is tried, and who is told. Each task may be
retried: what it asks for is named by the month, and so is the same run.

    python flow.py command my_project ingest_month month_000=2024-01-31
    python flow.py http http://localhost:6566 ingest_month month_000=2024-01-31
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

from prefect import flow, get_run_logger, task

ENDED = {"completed", "failed", "cancelled"}


class Refused(Exception):
    """The month is wrong, or how it was asked for: trying again does not help."""


class Failed(Exception):
    """The run failed; the same again goes on where it was."""


def helps(task, run, state):
    """Whether a task that failed is tried again."""
    try:
        state.result()
    except Refused:
        return False
    except Exception:
        return True
    return False


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=helps, task_run_name="{pipeline} {month}")
def month_by_command(repository: str, pipeline: str, month: str, as_of: str) -> dict:
    """Runs a month on this machine, and returns its report."""
    command = ["asof", "-c", repository, "pipeline", "run", pipeline, f"month={month}", f"as_of={as_of}", "--output", "json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        get_run_logger().info(line)
    if done.returncode == 0:
        return json.loads(done.stdout)
    why = done.stderr.strip() or f"asof ended with {done.returncode}"
    raise (Refused if done.returncode == 2 else Failed)(why)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=helps, task_run_name="{pipeline} {month}")
def month_by_http(server: str, pipeline: str, month: str, as_of: str, token: str = "") -> dict:
    """Has a server run a month, waits for it, and returns the run."""
    log = get_run_logger()
    run = ask(server, f"/pipelines/{pipeline}/runs", token, {"parameters": {"month": month, "as_of": as_of}}, key=f"{pipeline} {month}")["run"]
    if run["state"] in ENDED - {"completed"}:  # by an earlier attempt
        run = ask(server, f"/runs/{run['id']}/resume", token, {})
    log.info("run %s of %s", run["id"], server)
    after = 0
    while True:
        run = ask(server, f"/runs/{run['id']}", token)
        page = ask(server, f"/runs/{run['id']}/logs?after={after}", token)
        for line in page["lines"]:
            log.info(line["text"])
        after = page["next"]
        if run["finished"]:
            break
        time.sleep(0.5)
    if run["state"] != "completed":
        raise Failed(f"run {run['id']} is {run['state']}: {run.get('error', '')}")
    return run


def ask(server: str, path: str, token: str, body: dict | None = None, key: str = "") -> dict:
    """Asks the server; a body makes it a POST."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(server + path, data, headers), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as e:
        detail = e.read().decode(errors="replace")
        raise (Refused if 400 <= e.code < 500 else Failed)(f"{e.code}: {detail}") from None


@flow(name="months by command", log_prints=True)
def months_by_command(repository: str, pipeline: str, months: dict[str, str]) -> list[dict]:
    """Runs months, one after the other, on this machine."""
    return [month_by_command(repository, pipeline, month, as_of) for month, as_of in months.items()]


@flow(name="months by HTTP", log_prints=True)
def months_by_http(server: str, pipeline: str, months: dict[str, str], token: str = "") -> list[dict]:
    """Has a server run months, one after the other."""
    return [month_by_http(server, pipeline, month, as_of, token) for month, as_of in months.items()]


if __name__ == "__main__":
    how, where, pipeline, *words = sys.argv[1:]
    months = dict(word.split("=", 1) for word in words)
    {"command": months_by_command, "http": months_by_http}[how](where, pipeline, months)

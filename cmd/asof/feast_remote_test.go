package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/storetest"
)

// live is what a team that pushes adds to the streamflow template: a push source
// before a table, views that it feeds, and features that are computed when rows
// are written.
const live = `
from datetime import timedelta
import pandas as pd
from entities import user
from feast import FeatureService, FeatureView, Field, PushSource, FileSource
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float32, Float64, Int64, String

payments = SOURCE
paid = PushSource(name="paid", batch_source=payments)
payments_live = FeatureView(name="payments_live", entities=[user], ttl=timedelta(0), source=paid,
    schema=[Field(name="user_id", dtype=String), Field(name="failed_payments_90d", dtype=Int64)])
payments_share = FeatureView(name="payments_share", entities=[user], ttl=timedelta(0), source=paid,
    schema=[Field(name="user_id", dtype=String), Field(name="failed_payments_90d", dtype=Float32)])
live_service = FeatureService(name="live_service", features=[payments_live])

@on_demand_feature_view(sources=[payments_live], schema=[Field(name="strain", dtype=Float64)], mode="pandas", entities=[user], write_to_online_store=True)
def strain(df: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame()
    out["strain"] = df["failed_payments_90d"] * 1.5
    return out
`

// searched are views whose vectors are searched, for the embedded set-up.
const searched = `
from datetime import timedelta
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Float32, Int64, String

document = Entity(name="document", join_keys=["doc_id"], value_type=ValueType.INT64)
documents = FeatureView(name="documents", entities=[document], ttl=timedelta(0), source=FileSource(name="documents_file", path="data/documents.parquet", timestamp_field="at"),
    schema=[Field(name="doc_id", dtype=Int64), Field(name="title", dtype=String), Field(name="vector", dtype=Array(Float32), vector_index=True, vector_length=2, vector_search_metric="cosine")])
`

// makeDocuments writes the file of documents.
const makeDocuments = `
import sys
import pandas as pd
pd.DataFrame({"doc_id": [1, 2, 3], "title": ["a", "b", "c"], "vector": [[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]], "at": pd.to_datetime(["2024-01-01"] * 3, utc=True)}).to_parquet(sys.argv[1])
`

const searchAnswers = `filled null
nearest {"title": ["a", "c"], "distance": [0.0, 0.4], "doc_id": [1, 3]}
nearest, as before {"vector": [[1.0, 0.0], [3.0, 4.0]]}
a short query FeastError: the query has 1 numbers, and vectors of feature "vector" of view "documents" have 2
by text FeastError: a search by query_string is not served: send the query as a vector
`

// remoteClient calls everything of Feast's SDK that goes to a feature server,
// in one process, and prints what becomes of it.
const remoteClient = `
import json, sys, time
from datetime import datetime, timedelta, timezone
import grpc
import pandas as pd
import pyarrow as pa
import requests
from feast import FeatureStore, RepoConfig
from feast.protos.feast.serving import TransformationService_pb2 as pb
from feast.protos.feast.serving.TransformationService_pb2_grpc import TransformationServiceStub

stdout, sys.stdout = sys.stdout, sys.stderr # for what Feast prints
http, registry, transformations = sys.argv[1:]
store = FeatureStore(config=RepoConfig(project="shop", provider="local", registry={"registry_type": "remote", "path": registry}, offline_store="file",
    online_store={"type": "remote", "path": "http://" + http}, entity_key_serialization_version=3))
USER = "3413-BMNZE"

def say(what, do):
    try:
        answer = do()
    except Exception as e:
        answer = type(e).__name__ + ": " + str(e)
    print(what, json.dumps(answer, ensure_ascii=False) if not isinstance(answer, str) else answer, file=stdout)

def read(features, *users, **options):
    return store.get_online_features(features=features, entity_rows=[{"user_id": u} for u in users or [USER]], **options).to_dict()

def rows(day, value, users=[USER]):
    return pd.DataFrame({"user_id": users, "failed_payments_90d": [value] * len(users), "event_timestamp": pd.to_datetime([day] * len(users), utc=True)})

def post(path, body):
    answer = requests.post("http://" + http + path, json=body)
    return [answer.status_code, answer.text if answer.status_code == 200 else json.loads(answer.json())["message"] if isinstance(answer.json(), str) else answer.json()]

both = ["payments_live:failed_payments_90d", "payments_share:failed_payments_90d"]
say("before", lambda: read(both[:1]))
say("materialize", lambda: store.materialize(datetime(2024, 1, 1), datetime(2024, 2, 1), feature_views=["payments_live"]))
first = read(both[:1])["failed_payments_90d"][0]
say("is materialized", lambda: first is not None)
say("incremental", lambda: store.materialize_incremental(datetime(2024, 2, 1)))
say("again, in the background", lambda: store.materialize_incremental(datetime(2024, 2, 2), feature_views=["payments_live"], run_async=True))
def jobs():
    while True:
        jobs = requests.get("http://" + http + "/materialize/jobs").json()["jobs"]
        if all(j["status"] != "running" for j in jobs):
            return [[j["status"], len(j["feature_views"]), sum(r["keys_written"] for r in j["results"])] for j in jobs]
        time.sleep(0.02)
say("jobs", jobs)
say("computed from what was filled", lambda: read(["strain:strain"])["strain"][0] == first * 1.5)
say("by service", lambda: read(store.get_feature_service("live_service"))["failed_payments_90d"][0] == first)
say("push", lambda: store.push("paid", rows("2024-03-01", 7)))
say("read both views", lambda: read(both, USER, "nobody", full_feature_names=True))
say("an older row", lambda: store.push("paid", rows("2024-02-15", 5)))
say("changes nothing", lambda: read(both[:1]))
say("write", lambda: store.write_to_online_store("payments_live", rows("2024-03-02", 8, [USER, "ключ"])))
say("to one view", lambda: read(both, USER, "ключ", full_feature_names=True))
say("many", lambda: store.write_to_online_store("payments_live", rows("2024-03-03", 9, ["u%d" % i for i in range(20000)])))
say("are there", lambda: read(both[:1], "u0", "u19999"))
say("computed", lambda: store.write_to_online_store("strain", rows("2024-03-03", 4)))
say("when written", lambda: read(["strain:strain"], USER, "nobody"))

def transform(name):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    answer = stub.TransformFeatures(pb.TransformFeaturesRequest(on_demand_feature_view_name=name, project="shop",
        transformation_input=pb.ValueType(arrow_value=sink.getvalue().to_pybytes())))
    return pa.ipc.open_file(answer.transformation_output.arrow_value).read_all().to_pydict()

table = pa.table({"failed_payments_90d": [3, None]})
stub = TransformationServiceStub(grpc.insecure_channel(transformations))
say("transformed elsewhere", lambda: transform("strain"))

say("no such source", lambda: store.push("payed", rows("2024-03-01", 7)))
say("over HTTP", lambda: post("/push", {"push_source_name": "payed", "df": {}}))
say("no such view", lambda: post("/write-to-online-store", {"feature_view_name": "payments", "df": {}}))
say("a null key", lambda: store.write_to_online_store("payments_live", rows("2024-03-04", 8, [None])))
say("a wrong value", lambda: post("/push", {"push_source_name": "paid", "df": {"user_id": [USER], "failed_payments_90d": ["many"], "event_timestamp": ["2024-03-09T00:00:00"]}}))
say("no such feature", lambda: read(["payments_live:nope"]))
say("no such view to read", lambda: read(["nope:nope"]))
say("no such view to fill", lambda: store.materialize(datetime(2024, 1, 1), datetime(2024, 2, 1), feature_views=["nope"]))
say("a span the wrong way", lambda: store.materialize(datetime(2024, 3, 1), datetime(2024, 2, 1)))

day = {"user_id": [USER, "new"], "failed_payments_90d": [1, 2], "event_timestamp": ["2024-04-30", "2024-04-30"]}
say("offline", lambda: post("/push", {"push_source_name": "paid", "to": "offline", "df": day}))
say("is not online", lambda: read(both[:1], USER, "new"))
say("until then", lambda: store.materialize(datetime(2024, 4, 1), datetime(2024, 5, 1), feature_views=["payments_live"]))
say("it is", lambda: read(both[:1], USER, "new"))
day["event_timestamp"] = ["2024-05-31"] * 2
say("both", lambda: post("/push", {"push_source_name": "paid", "to": "online_and_offline", "df": day}))
say("both", lambda: read(both, USER, "new", full_feature_names=True))
say("other columns", lambda: post("/push", {"push_source_name": "paid", "to": "offline", "df": {**day, "more": [1, 2]}}))

if any(v.name == "documents" for v in store.list_feature_views()):
    say("filled", lambda: store.materialize(datetime(2023, 1, 1), datetime(2024, 2, 1), feature_views=["documents"]))
    say("nearest", lambda: store.retrieve_online_documents_v2(features=["documents:title"], query=[1.0, 0.0], top_k=2).to_dict())
    say("nearest, as before", lambda: store.retrieve_online_documents(features=["documents:vector"], query=[1.0, 0.0], top_k=2).to_dict())
    say("a short query", lambda: store.retrieve_online_documents_v2(features=["documents:title"], query=[1.0], top_k=2).to_dict())
    say("by text", lambda: store.retrieve_online_documents_v2(features=["documents:title"], query_string="a", top_k=2).to_dict())
`

const remoteAnswers = `before {"user_id": ["3413-BMNZE"], "failed_payments_90d": [null]}
materialize null
is materialized true
incremental null
again, in the background null
jobs [["done", 1, 0], ["done", 7, 300], ["done", 1, 50]]
computed from what was filled true
by service true
push null
read both views {"user_id": ["3413-BMNZE", "nobody"], "payments_live__failed_payments_90d": [7, null], "payments_share__failed_payments_90d": [7.0, null]}
an older row null
changes nothing {"user_id": ["3413-BMNZE"], "failed_payments_90d": [7]}
write null
to one view {"user_id": ["3413-BMNZE", "ключ"], "payments_live__failed_payments_90d": [8, 8], "payments_share__failed_payments_90d": [7.0, null]}
many null
are there {"user_id": ["u0", "u19999"], "failed_payments_90d": [9, 9]}
computed null
when written {"user_id": ["3413-BMNZE", "nobody"], "strain": [6.0, null]}
transformed elsewhere {"strain__strain": [4.5, null]}
no such source PushSourceNotFoundException: Unable to find push source 'payed'.
over HTTP [422, "push source \"payed\" does not exist in project \"shop\"; did you mean \"paid\"?"]
no such view [404, "feature view \"payments\" does not exist in project \"shop\"; known: payments_agg_90d_fv, payments_live, payments_share, subs_profile_fv, support_agg_90d_fv, usage_agg_30d_fv, strain"]
a null key FeastError: row 1, column "user_id": null is no value of join key "user_id" of feature view "payments_live"
a wrong value [400, "row 1, column \"failed_payments_90d\": \"many\" does not fit Int64, the type of feature \"failed_payments_90d\" of feature view \"payments_live\""]
no such feature FeastObjectNotFoundException: feature view "payments_live" has no feature "nope"; known: failed_payments_90d
no such view to read FeatureViewNotFoundException: feature view "nope" does not exist in project "shop"; known: payments_agg_90d_fv, payments_live, payments_share, subs_profile_fv, support_agg_90d_fv, usage_agg_30d_fv
no such view to fill RuntimeError: Remote materialization failed (404): "{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"feature view \\\"nope\\\" does not exist in this project; known: payments_agg_90d_fv, payments_live, payments_share, subs_profile_fv, support_agg_90d_fv, usage_agg_30d_fv\"}"
a span the wrong way RuntimeError: Remote materialization failed (400): "{\"module\": \"feast.errors\", \"class\": \"FeastError\", \"message\": \"start_ts 2024-03-01T00:00:00 is after end_ts 2024-02-01T00:00:00\"}"
offline [200, ""]
is not online {"user_id": ["3413-BMNZE", "new"], "failed_payments_90d": [8, null]}
until then null
it is {"user_id": ["3413-BMNZE", "new"], "failed_payments_90d": [1, 2]}
both [200, ""]
both {"user_id": ["3413-BMNZE", "new"], "payments_live__failed_payments_90d": [1, 2], "payments_share__failed_payments_90d": [1.0, 2.0]}
other columns [400, "source \"payments_table\" has no column \"more\": its columns are user_id, event_timestamp, failed_payments_90d"]
`

// TestFeastsSDKIsARemoteClient writes, fills and reads through our servers with
// Feast's SDK, on both set-ups. What is pushed is kept in a Parquet file, and in
// a table.
func TestFeastsSDKIsARemoteClient(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		asRemoteClient(t, "feature_store.yaml", `FileSource(name="payments_table", path="data/payments.parquet", timestamp_field="event_timestamp")`, strings.NewReplacer(`"done", 7, 300`, `"done", 8, 303`, "known: payments_agg", "known: documents, payments_agg").Replace(remoteAnswers)+searchAnswers, func(dir string) {
			storetest.RunPython(t, makeDocuments, filepath.Join(dir, "data", "documents.parquet"))
			if err := os.WriteFile(filepath.Join(dir, "searched.py"), []byte(searched), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "asof", "-c", dir, "get-historical-features", "--as-of", "2024-01-31", "-f", "payments_agg_90d_fv:failed_payments_90d", "--out", "data/payments.parquet")
		})
	})
	t.Run("postgres", func(t *testing.T) {
		db := setDatabase(t)
		asRemoteClient(t, "feature_store.postgres.yaml", `PostgreSQLSource(name="payments_table", table="payments", timestamp_field="event_timestamp")`, remoteAnswers, func(string) {
			conn, err := pgx.Connect(t.Context(), db.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if _, err := conn.Exec(t.Context(), "CREATE TABLE payments AS SELECT user_id, as_of::timestamptz AS event_timestamp, failed_payments_90d FROM payments_agg_90d_snapshots"); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func asRemoteClient(t *testing.T, config, source, answers string, prepare func(dir string)) {
	dir := filepath.Join(t.TempDir(), "shop")
	run(t, "asof", "init", dir, "-t", "streamflow")
	choose(t, dir, config)
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "1")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	prepare(dir)
	if err := os.WriteFile(filepath.Join(dir, "live.py"), []byte(strings.Replace(live, "SOURCE", source, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", dir, "apply")
	at := serve(t, dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	transformations := serveBy(t, dir, 1, "serve_transformations", "-h", "127.0.0.1", "-p", "0")["transformations"]
	got := string(storetest.RunPython(t, remoteClient, at["http"], at["registry"], transformations))
	want := strings.SplitAfter(answers, "\n")
	for i, line := range strings.SplitAfter(got, "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("the SDK says\n%swant\n%s", line, append(want, "nothing")[min(i, len(want))])
		}
	}
}

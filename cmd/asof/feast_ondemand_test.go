package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

const onDemandRepository = `
from datetime import timedelta

import numpy as np
import pandas as pd
from feast import Entity, FeatureView, Field, FileSource, RequestSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Bool, Float64, Int64, String

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
stats = FeatureView(
    name="stats", entities=[user], ttl=timedelta(days=3650),
    schema=[Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float64), Field(name="city", dtype=String), Field(name="user_id", dtype=String)],
    source=FileSource(name="stats", path="stats.parquet", timestamp_field="event_timestamp"))
request = RequestSource(name="request", schema=[Field(name="factor", dtype=Float64), Field(name="step", dtype=Int64)])


@on_demand_feature_view(sources=[stats, request], schema=[
    Field(name="scaled", dtype=Float64), Field(name="busy", dtype=Bool), Field(name="level", dtype=Int64), Field(name="place", dtype=String),
    Field(name="share", dtype=Float64), Field(name="known", dtype=Float64)])
def columns(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    df["scaled"] = inputs["rate"] * inputs["factor"]
    df["busy"] = (inputs["trips"] > 5) & (inputs["rate"] < 1)
    df["level"] = np.where(inputs["trips"].fillna(0) > 10, 2, 1) + inputs["step"]
    df["place"] = inputs["city"].fillna("nowhere").str.upper()
    df["share"] = inputs["trips"] / (inputs["step"] + 3)
    df["known"] = inputs["rate"].fillna(-1).clip(-0.5, 0.75).round(2)
    return df


@on_demand_feature_view(sources=[stats, request], schema=[Field(name="sum", dtype=Float64), Field(name="label", dtype=String)], mode="python")
def lists(inputs: dict) -> dict:
    out = {"sum": [], "label": []}
    for rate, factor, city in zip(inputs["rate"], inputs["factor"], inputs["city"]):
        out["sum"].append(None if rate is None or rate != rate else rate + factor)
        out["label"].append(f"{city or 'none'}/{factor:.1f}")
    return out


@on_demand_feature_view(sources=[stats, request], schema=[Field(name="safe", dtype=Float64)], mode="python")
def guarded(inputs: dict) -> dict:
    out = []
    for rate in inputs["rate"]:
        try:
            out.append(rate * 2)
        except TypeError:
            out.append(-1.0)
    return {"safe": out}
`

// onDemandConfig names the Python that runs what asof cannot.
const onDemandConfig = `project: trips
provider: local
registry: registry.db
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
asof: {python: %s}
`

// makeStats writes the rows of the source and the entity rows.
const makeStats = `
import datetime, sys
import pandas as pd, pyarrow as pa, pyarrow.parquet as pq
n = 40
day = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
pq.write_table(pa.table({
    "user_id": [f"u{i}" for i in range(n)], "event_timestamp": pa.array([day] * n, pa.timestamp("us", "UTC")),
    "trips": [None if i % 7 == 0 else i * 3 - 20 for i in range(n)],
    "rate": [None if i % 5 == 0 else i / 7 - 1 for i in range(n)], "city": [None if i % 6 == 0 else ["Zürich", "straße", "Oslo"][i % 3] for i in range(n)],
}), sys.argv[1] + "/stats.parquet")
pd.DataFrame({"user_id": [f"u{i}" for i in range(n)], "event_timestamp": pd.to_datetime(["2024-02-01"] * n, utc=True),
    "factor": [i / 3 for i in range(n)], "step": [i % 4 for i in range(n)]}).to_parquet(sys.argv[1] + "/rows.parquet")
`

// readOnDemandByFeast prints what Feast answers offline and online, by column.
const readOnDemandByFeast = `
import contextlib, json, sys
from datetime import datetime
import pandas as pd
from feast import FeatureStore
fs = FeatureStore(repo_path=sys.argv[1])
features = json.loads(sys.argv[2])
rows = pd.read_parquet(sys.argv[1] + "/rows.parquet")
offline = fs.get_historical_features(entity_df=rows, features=features).to_df()
offline["order"] = offline["user_id"].str[1:].astype(int)
offline = offline.sort_values("order")
with contextlib.redirect_stdout(sys.stderr):
    fs.materialize(datetime(2023, 1, 1), datetime(2024, 3, 1))
entities = rows.drop(columns=["event_timestamp"]).to_dict("records")
online = fs.get_online_features(features=features, entity_rows=entities).to_dict()
names = [f.split(":")[1] for f in features]
plain = lambda x: None if pd.isna(x) else x.item() if hasattr(x, "item") else x
print(json.dumps({"offline": {n: [plain(x) for x in offline[n]] for n in names}, "online": {n: [plain(x) for x in online[n]] for n in names}}))
`

// TestOnDemandFeaturesAreFeasts reads on-demand features offline and online, by
// Feast and by asof, of one repository.
func TestOnDemandFeaturesAreFeasts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"features.py": onDemandRepository, "feature_store.yaml": fmt.Sprintf(onDemandConfig, storetest.FeastPython(t))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	storetest.RunPython(t, makeStats, dir)
	storetest.RunFeast(t, dir, "apply")
	features := []string{"columns:scaled", "columns:busy", "columns:level", "columns:place", "columns:share", "columns:known", "lists:sum", "lists:label", "guarded:safe"}
	list, _ := json.Marshal(features)
	var feast map[string]map[string][]any
	if err := json.Unmarshal(storetest.RunPython(t, readOnDemandByFeast, dir, string(list)), &feast); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", dir, "get-historical-features", "--entity-df", "rows.parquet"}
	for _, f := range features {
		args = append(args, "-f", f)
	}
	var rows []map[string]any
	if err := json.Unmarshal(run(t, "asof", args...), &rows); err != nil {
		t.Fatal(err)
	}
	for name, want := range feast["offline"] {
		var got []any
		for _, row := range rows {
			got = append(got, row[name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("offline %s (-Feast +asof):\n%s", name, diff)
		}
	}
	for i := 0; i < len(rows); i += 3 {
		row := rows[i]
		args := []string{"-c", dir, "get-online-features", "-e", "user_id=" + row["user_id"].(string), "-e", fmt.Sprintf("factor=%v", row["factor"]), "-e", fmt.Sprintf("step=%v", row["step"])}
		for _, f := range features {
			args = append(args, "-f", f)
		}
		var got map[string][]any
		if err := json.Unmarshal(run(t, "asof", args...), &got); err != nil {
			t.Fatal(err)
		}
		for name, want := range feast["online"] {
			if len(got[name]) != 1 || got[name][0] != want[i] {
				t.Errorf("online %s of %s: %v, Feast has %v", name, row["user_id"], got[name], want[i])
			}
			if offline := row[name]; offline != got[name][0] {
				t.Errorf("%s of %s: %v offline, %v online", name, row["user_id"], offline, got[name][0])
			}
		}
	}
}

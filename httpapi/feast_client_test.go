package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// feastClient reads through Feast's SDK, which is told that the online store
// is a server, and prints what it got and which errors it raised.
const feastClient = `
import json, sys
from feast import FeatureStore, RepoConfig
folder, url = sys.argv[1:]
store = FeatureStore(config=RepoConfig(project="streamflow", provider="local", registry=folder + "/registry.db", offline_store="file",
    online_store={"type": "remote", "path": url}, entity_key_serialization_version=3))
def ask(features, rows, **options):
    try:
        return store.get_online_features(features=features, entity_rows=rows, **options).to_dict()
    except Exception as e:
        return [type(e).__name__, str(e)]
print("answer", json.dumps([
    ask(["profile:i32", "profile:f64", "profile:yes", "profile:name", "profile:numbers"], [{"user_id": "ann"}, {"user_id": "nobody"}]),
    ask(store.get_feature_service("mixed"), [{"user_id": "ann", "shop_id": 7}], full_feature_names=True),
    ask(["nope:i32"], [{"user_id": "ann"}]),
    ask(["profile:i32", "profile:nope"], [{"user_id": "ann"}]),
    ask(["shops:rating"], [{"shop_id": "seven"}]),
], sort_keys=True, ensure_ascii=False))
`

// clientUnderstands reads from our server with Feast's SDK.
func clientUnderstands(t *testing.T, folder string, h http.Handler) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	_, got, _ := strings.Cut(string(storetest.RunPython(t, feastClient, folder, server.URL)), "answer ")
	want := `[{"f64": [0.1, null], "i32": [-5, null], "name": ["Ann \"é\" 😀\n", null], "numbers": [[1, -2], null], "user_id": ["ann", "nobody"], "yes": [true, null]}, ` +
		`{"shop_id": [7], "shops__rating": [4.0], "usage__hours": [32.09199142456055], "user_id": ["ann"]}, ` +
		`["FeatureViewNotFoundException", "feature view \"nope\" does not exist in project \"streamflow\"; known: profile, shops, usage, visits"], ` +
		`["FeastObjectNotFoundException", "feature view \"profile\" has no feature \"nope\"; did you mean \"name\"?"], ` +
		`["FeastError", "row 1: \"seven\" cannot be the value of join key \"shop_id\" (Int64): it is no whole number"]]` + "\n"
	if got != want {
		t.Errorf("Feast's client got\n%swant\n%s", got, want)
	}
}

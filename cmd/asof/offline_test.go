package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestServeOffline serves everything with TLS to Feast's SDK, which has nothing
// of its own, and answers from the offline store what the command line does.
func TestServeOffline(t *testing.T) {
	dir, client := shop(t), t.TempDir()
	key, certificate := selfSigned(t)
	where := serve(t, dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0", "-k", key, "-c", certificate)
	host, port, err := net.SplitHostPort(where["offline store"])
	if err != nil {
		t.Fatal(err)
	}
	yaml := "project: shop\nprovider: local\nregistry: {registry_type: remote, path: '" + where["registry"] + "', cert: '" + certificate + "'}\n" +
		"online_store: {type: remote, path: 'http://127.0.0.1:1'}\n" +
		"offline_store: {type: remote, host: " + host + ", port: " + port + ", scheme: https, cert: '" + certificate + "'}\nentity_key_serialization_version: 3\n"
	if err := os.WriteFile(filepath.Join(client, "feature_store.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := string(storetest.RunPython(t, offlineClient, client))
	printed := run(t, "asof", "-c", dir, "get-historical-features", "-d", `[{"user_id": "3413-BMNZE", "event_timestamp": "2024-02-01"}]`, "-f", "subs_profile_fv:monthly_fee")
	if theirs != "subs_profile_fv\n45.25\n" || !strings.Contains(string(printed), "45.25") {
		t.Errorf("the SDK says %s, and the command line %s", theirs, printed)
	}
}

const offlineClient = `
import sys
import pandas as pd
from feast import FeatureStore
store = FeatureStore(repo_path=sys.argv[1])
rows = pd.DataFrame({"user_id": ["3413-BMNZE"], "event_timestamp": [pd.Timestamp("2024-02-01", tz="UTC")]})
print(store.get_feature_view("subs_profile_fv").name)
print(store.get_historical_features(rows, ["subs_profile_fv:monthly_fee"]).to_df().monthly_fee[0])
`

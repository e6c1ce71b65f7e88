package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof/storetest"
)

// TestServeRegistry serves a registry with mutual TLS to Feast's SDK, which
// lists, applies, and has a dataset made.
func TestServeRegistry(t *testing.T) {
	dir, client := shop(t), t.TempDir()
	key, certificate := selfSigned(t)
	address := serveBy(t, dir, 1, "serve_registry", "-h", "127.0.0.1", "-p", "0", "-k", key, "-c", certificate, "--client-ca", certificate)["registry"]
	yaml := "project: shop\nprovider: local\nregistry: {registry_type: remote, path: '" + address + "', cert: '" + certificate + "'CLIENT}\n" +
		"online_store: {type: remote, path: 'http://127.0.0.1:1'}\nentity_key_serialization_version: 3\n"
	write := func(name, own string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(client, name), []byte(strings.Replace(yaml, "CLIENT", own, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("feature_store.yaml", ", client_cert: '"+certificate+"', client_key: '"+key+"'")
	write("stranger.yaml", "")
	want := `['subs_profile_fv']
completed ['2024-02-01', '3413-BMNZE', 45.25]
['subs_profile_fv:monthly_fee'] ['user_id'] 2024-02-01
failed saved dataset location data/made.parquet already exists: set allow_overwrite, or take another path
a stranger is refused
`
	if got := string(storetest.RunPython(t, registryClient, client)); got != want {
		t.Errorf("the SDK says\n%s, want\n%s", got, want)
	}
	// The commit has made the table of the view: it is served, without a value.
	if got := string(run(t, "asof", "-c", dir, "get-online-features", "-f", "new_fv:x", "-e", "user_id=3413-BMNZE")); !strings.Contains(got, "null") {
		t.Errorf("the view that the client has applied: %s", got)
	}
	if got := string(run(t, "asof", "-c", dir, "registry", "history", "new_fv")); !strings.Contains(got, " created  client") {
		t.Errorf("the history of the view that the client has applied: %s", got)
	}
}

// TestServeRESTRegistry puts a view over HTTPS, whose table of the online store
// is there at once.
func TestServeRESTRegistry(t *testing.T) {
	dir := shop(t)
	key, certificate := selfSigned(t)
	address := "https://" + serveBy(t, dir, 1, "serve_registry", "-h", "127.0.0.1", "--no-grpc", "-r", "--rest-port", "0", "-k", key, "-c", certificate)["REST registry"]
	authorities := x509.NewCertPool()
	text, err := os.ReadFile(certificate)
	if err != nil || !authorities.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}
	defer client.CloseIdleConnections()
	answer, err := client.Post(address+"/api/v1/feature_views", "application/json", strings.NewReader(
		`{"name": "new_fv", "project": "shop", "entities": ["user"], "features": [{"name": "x", "value_type": 6}]}`))
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if got := string(run(t, "asof", "-c", dir, "get-online-features", "-f", "new_fv:x", "-e", "user_id=3413-BMNZE")); !strings.Contains(got, "null") {
		t.Errorf("the view that was put: %s", got)
	}
	if answer, err = client.Get(address + "/feature_views?project=shop&entity=user"); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(body), `"name":"new_fv"`) || !strings.Contains(string(body), `"name":"subs_profile_fv"`) {
		t.Errorf("views: %s, %v", body, err)
	}
}

const registryClient = `
import json, sys, time
from pathlib import Path
import grpc
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.protos.feast.registry import RegistryServer_pb2 as pb
from feast.types import Float32

stdout, sys.stdout = sys.stdout, sys.stderr # for what Feast prints
say = lambda *words: print(*words, file=stdout)
store = FeatureStore(repo_path=sys.argv[1])
say([v.name for v in store.list_feature_views() if v.name == "subs_profile_fv"])
user = store.get_entity("user")
source = FileSource(name="new", path="new.parquet", timestamp_field="at")
store.registry.apply_data_source(source, "shop", commit=False)
store.registry.apply_feature_view(FeatureView(name="new_fv", entities=[user], source=source, schema=[Field(name="x", dtype=Float32)]), "shop", commit=False)
store.registry.commit()
stub = store.registry.stub

def make(**more):
    job = stub.CreateDatasetFromRetrieval(pb.CreateDatasetFromRetrievalRequest(
        name="made", project="shop", features=["subs_profile_fv:monthly_fee"], entity_source_type="inline", entity_keys=["user_id"],
        entity_values="3413-BMNZE", end_date="2024-02-01", storage_type="file", storage_path="data/made.parquet"))
    while True:
        status = stub.GetDatasetJobStatus(pb.GetDatasetJobStatusRequest(job_id=job.job_id))
        if status.status in ("completed", "failed"):
            return status
        time.sleep(0.05)

done = make()
data = stub.GetDatasetData(pb.GetDatasetDataRequest(name="made", project="shop"))
row = [json.loads(v) for v in data.rows[0].values]
say(done.status + done.error, [v if isinstance(v, float) else v[:10] for v in row])
dataset = store.registry.get_saved_dataset("made", "shop")
say(dataset.features, dataset.join_keys, str(dataset.max_event_timestamp)[:10])
again = make()
say(again.status, again.error)
try:
    FeatureStore(fs_yaml_file=Path(sys.argv[1]) / "stranger.yaml").list_entities()
except grpc.RpcError as error:
    say("a stranger is refused")
`

// selfSigned makes a key and a certificate that is its own authority, for
// 127.0.0.1.
func selfSigned(t *testing.T) (key, certificate string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "asof"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, certificate = filepath.Join(dir, "server.key"), filepath.Join(dir, "server.crt")
	for path, block := range map[string]*pem.Block{key: {Type: "PRIVATE KEY", Bytes: text}, certificate: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key, certificate
}

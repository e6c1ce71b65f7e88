package main

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// shopPermissions let readers read what is no secret, and admins everything.
const shopPermissions = `
from feast.permissions.action import ALL_ACTIONS, READ, AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
admins = Permission(name="admins", actions=ALL_ACTIONS, policy=RoleBasedPolicy(roles=["admin"]))
readers = Permission(name="readers", actions=[AuthzedAction.DESCRIBE] + READ, name_patterns=["(?!admins).*"], policy=RoleBasedPolicy(roles=["reader"]))
`

// closedShop is a shop whose servers take the tokens of an issuer.
func closedShop(t *testing.T, issuer *storetest.Issuer, permissions string) string {
	t.Helper()
	dir := shop(t)
	appendTo(t, filepath.Join(dir, "feature_store.yaml"), "auth:\n  type: oidc\n  auth_discovery_url: "+issuer.DiscoveryURL()+
		"\n  client_id: "+storetest.IssuerClient+"\n  audience: "+storetest.IssuerClient+"\n")
	if permissions != "" {
		if err := os.WriteFile(filepath.Join(dir, "permissions.py"), []byte(permissions), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "asof", "-c", dir, "apply")
	}
	return dir
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(before, text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFeastsSDKBringsTokens lets Feast's SDK get tokens in each of its ways, and
// bring them to every server over TLS; then tokens that are no good.
func TestFeastsSDKBringsTokens(t *testing.T) {
	issuer, other := storetest.NewIssuer(t), storetest.NewIssuer(t)
	dir := closedShop(t, issuer, shopPermissions)
	key, certificate := selfSigned(t)
	where, told := serveTold(t, dir, 6, "serve", "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0", "-k", key, "-c", certificate)
	if !strings.Contains(told, "Callers need a token of "+issuer.DiscoveryURL()) || strings.Contains(told, "note:") {
		t.Errorf("the server says %s", told)
	}
	for what, address := range where {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Errorf("%s speaks no TLS: %v", what, err)
			continue
		}
		if state := conn.ConnectionState(); state.Version < tls.VersionTLS12 || state.NegotiatedProtocol != "h2" {
			t.Errorf("%s speaks TLS %x and %q", what, state.Version, state.NegotiatedProtocol)
		}
		conn.Close()
	}
	run(t, "asof", "ping", "--insecure", "https://"+where["https"]+"/health")
	if out, err := exec.Command("asof", "ping", "https://"+where["https"]+"/health").CombinedOutput(); err == nil || !strings.Contains(string(out), "certificate") {
		t.Errorf("a certificate of nobody's is taken: %s", out)
	}
	public := issuer.Public()
	text, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	token := func(changes map[string]any) map[string]any { return map[string]any{"token": issuer.Token(changes)} }
	asks := map[string]map[string]any{
		"a client":                   {"client_id": storetest.IssuerClient, "client_secret": storetest.IssuerSecret, "auth_discovery_url": issuer.DiscoveryURL()},
		"a person":                   {"client_id": storetest.IssuerClient, "client_secret": storetest.IssuerSecret, "auth_discovery_url": issuer.DiscoveryURL(), "username": "eve", "password": "x"},
		"an environment":             {"token_env_var": "READER_TOKEN"},
		"an admin":                   token(map[string]any{"resource_access": map[string]any{storetest.IssuerClient: map[string]any{"roles": []string{"admin"}}}}),
		"nobody":                     token(nil),
		"expired":                    token(map[string]any{"exp": now - 60}),
		"another audience":           token(map[string]any{"aud": "other"}),
		"another issuer":             {"token": other.Token(map[string]any{"iss": issuer.URL()})},
		"an unknown key":             {"token": unknownKey(t, other)},
		"unsigned":                   {"token": "eyJhbGciOiJub25lIn0.eyJwcmVmZXJyZWRfdXNlcm5hbWUiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9."},
		"the key as secret":          {"token": storetest.SignToken(t, jose.JSONWebKey{Key: text, KeyID: public.KeyID, Algorithm: "HS256"}, map[string]any{"preferred_username": "ann", "aud": storetest.IssuerClient, "exp": now + 600})},
		"a key that is new":          nil, // below
		"the key before it":          token(map[string]any{"roles": []string{"reader"}}),
		"another secret of a client": {"client_id": storetest.IssuerClient, "client_secret": "wrong", "auth_discovery_url": issuer.DiscoveryURL()},
	}
	t.Setenv("READER_TOKEN", issuer.Token(map[string]any{"roles": []string{"reader"}}))
	issuer.Rotate(jose.ES256)
	asks["a key that is new"] = token(map[string]any{"roles": []string{"reader"}})
	time.Sleep(5 * time.Second) // the servers have just asked for keys
	asked, err := json.Marshal(asks)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][]string
	if err := json.Unmarshal(storetest.RunPython(t, bringTokens, t.TempDir(), where["https"], where["registry"], where["offline store"], certificate,
		filepath.Join(dir, "data", "registry.db"), string(asked)), &got); err != nil {
		t.Fatal(err)
	}
	reader := []string{"45.25", "user", "True", "FeastPermissionError", "FeastPermissionError", "FeastPermissionError", "45.25"}
	refused := []string{"Invalid or expired access token", "refused", "refused", "refused", "refused", "refused", "refused"}
	want := map[string][]string{"a client": reader, "a person": reader, "an environment": reader, "a key that is new": reader, "the key before it": reader,
		"an admin":                   {"45.25", "user", "True", "written", "admins", "applied", "45.25"},
		"nobody":                     {"FeastPermissionError", "FeastPermissionError", "False", "KeyError('subs_profile_fv')", "FeastPermissionError", "FeastPermissionError", "FeastPermissionError"},
		"another secret of a client": {"invalid_client", "invalid_client", "invalid_client", "invalid_client", "invalid_client", "invalid_client", "no token"}}
	for _, name := range []string{"expired", "another audience", "another issuer", "an unknown key", "unsigned", "the key as secret"} {
		want[name] = refused
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the SDK gets (-want +got):\n%s", diff)
	}
}

// unknownKey is a token with a key that the issuer never had.
func unknownKey(t *testing.T, other *storetest.Issuer) string {
	t.Helper()
	other.Rotate(jose.RS256)
	other.Rotate(jose.RS256)
	return other.Token(nil)
}

const bringTokens = `
import json, os, sys
import grpc, pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.errors import FeastError
from feast.types import Int64, String
stdout, sys.stdout = sys.stdout, sys.stderr # for what Feast prints
directory, online, registry, offline, certificate, own_registry, asks = sys.argv[1:]

def outcome(do):
    try:
        return str(do())
    except FeastError as error:
        return "refused" if "the token is refused" in str(error) else type(error).__name__
    except grpc.RpcError as error:
        return error.code().name
    except Exception as error:
        for known, said in {"Invalid or expired access token": "", "invalid_client": "", "the token is refused": "refused", "the request has no token": "no token"}.items():
            if known in str(error):
                return said or known
        return repr(error)

def write(store):
    row = {"user_id": "new", "as_of": pandas.Timestamp("2024-01-31"), "created_at": pandas.Timestamp("2024-01-31"), "months_active": 1, "monthly_fee": 1.5,
           "paperless_billing": True, "plan_stream_tv": True, "plan_stream_movies": True, "net_service": "DSL"}
    store.write_to_online_store("subs_profile_fv", pandas.DataFrame([row]))
    return "written"

def apply(store):
    visitor = Entity(name="visitor", join_keys=["visitor"], value_type=ValueType.STRING)
    visits = FileSource(name="visits", path="visits.parquet", timestamp_field="at")
    store.apply([visitor, visits, FeatureView(name="visits_fv", entities=[visitor], source=visits, schema=[Field(name="visitor", dtype=String), Field(name="n", dtype=Int64)])])
    return "applied" if store.registry.get_feature_view("visits_fv", "shop").features[0].name == "n" else "lost"

def history(settings, repository):
    # With the registry at hand, so that the offline server alone is asked.
    with open(os.path.join(repository, "feature_store.yaml"), "w") as file:
        json.dump({**settings, "registry": own_registry}, file)
    rows = pandas.DataFrame({"user_id": ["3413-BMNZE"], "event_timestamp": [pandas.Timestamp("2024-02-01", tz="UTC")]})
    return FeatureStore(repo_path=repository).get_historical_features(rows, ["subs_profile_fv:monthly_fee"]).to_df()["monthly_fee"][0]

answers = {}
for n, (name, auth) in enumerate(sorted(json.loads(asks).items())):
    repository = os.path.join(directory, str(n))
    os.mkdir(repository)
    settings = {"project": "shop", "provider": "local", "entity_key_serialization_version": 3, "auth": {"type": "oidc", **auth},
                "registry": {"registry_type": "remote", "path": registry, "cert": certificate},
                "online_store": {"type": "remote", "path": "https://" + online, "cert": certificate},
                "offline_store": {"type": "remote", "scheme": "https", "host": "127.0.0.1", "port": int(offline.rpartition(":")[2]), "cert": certificate}}
    with open(os.path.join(repository, "feature_store.yaml"), "w") as file:
        json.dump(settings, file)
    store = FeatureStore(repo_path=repository)
    answers[name] = [outcome(do) for do in (
        lambda: store.get_online_features(["subs_profile_fv:monthly_fee"], [{"user_id": "3413-BMNZE"}]).to_dict()["monthly_fee"][0],
        lambda: store.registry.get_entity("user", "shop").name,
        lambda: "subs_profile_fv" in [v.name for v in store.registry.list_feature_views("shop")],
        lambda: write(store),
        lambda: store.registry.get_permission("admins", "shop").name,
        lambda: apply(store),
        lambda: history(settings, repository),
    )]
json.dump(answers, stdout)
stdout.flush()
`

// TestSecurityPage does what docs/security.md says: its settings, its
// permissions, its commands.
func TestSecurityPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	page, dir, issuer := string(text), t.TempDir(), storetest.NewIssuer(t)
	t.Setenv("TOKEN", issuer.Token(map[string]any{"roles": []string{"reader"}}))
	t.Setenv("TOKEN_OF_A_STRANGER", issuer.Token(map[string]any{"preferred_username": "eve"}))
	block := func(language string) string {
		_, text, found := strings.Cut(page, "```"+language+"\n")
		text, _, _ = strings.Cut(text, "```")
		if !found {
			t.Fatalf("the page has no %s", language)
		}
		return text
	}
	before, after, found := strings.Cut(page, "$ asof -c my_project apply\n")
	setUp, rest, served := strings.Cut(after, "$ asof -c my_project serve -k server.key -c server.crt\n")
	if !found || !served {
		t.Fatal("the page applies and serves no more")
	}
	const console = "```console\n"
	runPage(t, dir, before+"```", "feature_store.yaml")
	repository := filepath.Join(dir, "my_project")
	settings := strings.Replace(block("yaml"), "https://sso.example.com/realms/team/.well-known/openid-configuration", issuer.DiscoveryURL(), 1)
	appendTo(t, filepath.Join(repository, "feature_store.yaml"), settings)
	if err := os.WriteFile(filepath.Join(repository, "permissions.py"), []byte(block("python")), 0o600); err != nil {
		t.Fatal(err)
	}
	runPage(t, dir, console+"$ asof -c my_project apply\n"+setUp+"```", "")
	where := serveBy(t, repository, 1, "serve", "-p", "0", "-k", filepath.Join(dir, "server.key"), "-c", filepath.Join(dir, "server.crt"))
	_, port, _ := strings.Cut(where["https"], ":")
	rest, _, _ = strings.Cut(rest, "```")
	runPage(t, dir, console+strings.ReplaceAll(rest, "localhost:6566", "localhost:"+port)+"```", "")
}

// TestServersSayWhatIsOpen: what a server leaves open it says when it starts; a
// setting that it cannot serve with stops it.
func TestServersSayWhatIsOpen(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	dir := closedShop(t, issuer, "")
	yaml := filepath.Join(dir, "feature_store.yaml")
	closed, err := os.ReadFile(yaml)
	if err != nil {
		t.Fatal(err)
	}
	write := func(old, new string) {
		t.Helper()
		if err := os.WriteFile(yaml, []byte(strings.Replace(string(closed), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("  audience: features\n", "  client_secret: do not tell\n")
	t.Setenv("INTRA_COMMUNICATION_BASE64", "nor this")
	issuer.Down.Store(true)
	_, told := serveTold(t, dir, 1, "serve", "-p", "0")
	for _, want := range []string{"Callers need a token of http://", "note: a token for any audience is taken: set auth.audience",
		"note: whoever knows INTRA_COMMUNICATION_BASE64 may do everything", "note: project shop has no permissions, so everybody who has a token may do everything",
		"warning: no token can be checked yet: the issuer of tokens answers 503"} {
		if !strings.Contains(told, want) {
			t.Errorf("it is not said: %s", want)
		}
	}
	if strings.Contains(told, "do not tell") || strings.Contains(told, "nor this") || t.Failed() {
		t.Errorf("the server says\n%s", told)
	}
	for _, c := range []struct{ old, new, want string }{
		{"type: oidc", "type: kubernetes", "servers do not take `auth: {type: kubernetes}`"},
		{"  auth_discovery_url", "  token: x\n  ca_cert_path: x\n  #", "auth has no auth_discovery_url"},
		{issuer.DiscoveryURL(), "issuer.example", `auth_discovery_url is "issuer.example"; write the URL`},
		{"  audience: features\n", "  ca_cert_path: nowhere.pem\n", "can't read ca_cert_path"},
		{"type: oidc", "type: ldap", `auth.type is "ldap"; write no_auth, oidc or kubernetes`},
	} {
		write(c.old, c.new)
		for _, command := range []string{"serve", "serve_registry", "listen"} {
			out, err := exec.Command("asof", "-c", dir, command).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "Serving") {
				t.Errorf("%s with %s: %v\n%s", command, c.new, err, out)
			}
		}
	}
}

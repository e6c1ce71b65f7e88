package permission_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// feastCase is a question to Feast: may the user do that to each of the objects?
type feastCase struct {
	Permissions []string // messages in base64
	Roles       []string
	Groups      []string
	Namespaces  []string
	Actions     []int
	Objects     [][2]string // class and name
}

// enforce answers the questions as Feast does. The objects are mocks, which
// Feast's matcher knows.
const enforce = `
import base64, json, logging, sys
from unittest.mock import Mock
from feast.errors import FeastPermissionError
from feast.feast_object import ALL_RESOURCE_TYPES
from feast.permissions.action import ALL_ACTIONS
from feast.permissions.enforcer import enforce_policy
from feast.permissions.permission import Permission
from feast.permissions.user import User
from feast.protos.feast.core.Permission_pb2 import Permission as Message
logging.disable(logging.CRITICAL)
classes = {c.__name__: Mock(spec=c) for c in ALL_RESOURCE_TYPES}
answers = []
for case in json.load(open(sys.argv[1])):
    permissions = [Permission.from_proto(Message.FromString(base64.b64decode(p))) for p in case["Permissions"] or []]
    user = User("ann", case["Roles"] or [], case["Groups"] or [], case["Namespaces"] or [])
    actions = [ALL_ACTIONS[n] for n in case["Actions"]]
    row = []
    for name, of in case["Objects"]:
        resource = classes[name]
        resource.name = of
        try:
            enforce_policy(permissions, user, [resource], actions)
            row.append(True)
        except FeastPermissionError:
            row.append(False)
    answers.append(row)
json.dump(answers, sys.stdout)
`

// TestFeastDecidesTheSame asks Feast and us the same random questions. They hold
// no required tags, which Feast does not look at, and no AllowAll, which it
// cannot read back.
func TestFeastDecidesTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 67))
	some := func(from ...string) (list []string) {
		for _, s := range from {
			if random.IntN(3) == 0 {
				list = append(list, s)
			}
		}
		return list
	}
	policy := func() *core.Policy {
		names := some("a", "b", "c")
		switch random.IntN(4) {
		case 0:
			return role(names...)
		case 1:
			return &core.Policy{PolicyType: &core.Policy_GroupBasedPolicy{GroupBasedPolicy: &core.GroupBasedPolicy{Groups: names}}}
		case 2:
			return &core.Policy{PolicyType: &core.Policy_NamespaceBasedPolicy{NamespaceBasedPolicy: &core.NamespaceBasedPolicy{Namespaces: names}}}
		}
		return &core.Policy{PolicyType: &core.Policy_CombinedGroupNamespacePolicy{CombinedGroupNamespacePolicy: &core.CombinedGroupNamespacePolicy{Groups: names, Namespaces: some("a", "b")}}}
	}
	objects := map[string]func(name string) asof.Object{
		"Project":             func(n string) asof.Object { return &asof.Project{Name: n} },
		"Entity":              func(n string) asof.Object { return &asof.Entity{Name: n} },
		"FeatureView":         func(n string) asof.Object { return &asof.FeatureView{Name: n, Kind: asof.ViewPlain} },
		"BatchFeatureView":    func(n string) asof.Object { return &asof.FeatureView{Name: n, Kind: asof.ViewBatch} },
		"StreamFeatureView":   func(n string) asof.Object { return &asof.FeatureView{Name: n, Kind: asof.ViewStream} },
		"OnDemandFeatureView": func(n string) asof.Object { return &asof.OnDemandFeatureView{Name: n} },
		"FeatureService":      func(n string) asof.Object { return &asof.FeatureService{Name: n} },
		"DataSource":          func(n string) asof.Object { return &asof.DataSource{Name: n} },
		"LabelView":           func(n string) asof.Object { return &asof.Opaque{Kind: asof.KindLabelView, Name: n} },
		"SavedDataset":        func(n string) asof.Object { return &asof.Opaque{Kind: asof.KindSavedDataset, Name: n} },
		"ValidationReference": func(n string) asof.Object { return &asof.Opaque{Kind: asof.KindValidationRef, Name: n} },
		"Permission":          func(n string) asof.Object { return &asof.Opaque{Kind: asof.KindPermission, Name: n} },
	}
	var all [][2]string
	for class := range objects {
		for _, name := range []string{"driver", "driver_stats", "x", "größe 7", "DRIVER\n"} {
			all = append(all, [2]string{class, name})
		}
	}
	var cases []feastCase
	var ours [][]bool
	for range 200 {
		c := feastCase{Roles: some("a", "b", "c"), Groups: some("a", "b", "c"), Namespaces: some("a", "b"), Objects: all, Actions: []int{random.IntN(8)}}
		if random.IntN(4) == 0 {
			c.Actions = append(c.Actions, random.IntN(8))
		}
		var list []*core.Permission
		for range random.IntN(5) {
			p := permit("p", policy(), permission.Action(1+random.IntN(255)), func(s *core.PermissionSpec) {
				s.NamePatterns = some("driver", "driver.*", `\w+ \d`, "(?i)driver", "(?!x).*", `x\Z`, "d|x", "driver$")
				for n := range len(core.PermissionSpec_Type_name) {
					if random.IntN(3) == 0 {
						s.Types = append(s.Types, core.PermissionSpec_Type(n))
					}
				}
			})
			text, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			list, c.Permissions = append(list, p), append(c.Permissions, base64.StdEncoding.EncodeToString(text))
		}
		var actions permission.Action
		for _, a := range c.Actions {
			actions |= 1 << a
		}
		set, user := permission.NewSet(list), &permission.User{Name: "ann", Roles: c.Roles, Groups: c.Groups, Namespaces: c.Namespaces}
		var row []bool
		for _, o := range all {
			row = append(row, set.Check(user, permission.Of(objects[o[0]](o[1])), actions) == nil)
		}
		cases, ours = append(cases, c), append(ours, row)
	}
	var theirs [][]bool
	if err := json.Unmarshal(storetest.RunPython(t, enforce, writeJSON(t, cases)), &theirs); err != nil {
		t.Fatal(err)
	}
	granted := 0
	for n, row := range theirs {
		for i, want := range row {
			if want {
				granted++
			}
			if ours[n][i] != want {
				t.Errorf("case %d, %q: Feast says %v\n%v", n, all[i], want, cases[n].Permissions)
			}
		}
	}
	if total := len(cases) * len(all); granted < total/20 || granted > total*19/20 {
		t.Errorf("%d of %d are granted: the cases say little", granted, total)
	}
}

// writeJSON writes a file and returns where.
func writeJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parse reads tokens as Feast's servers do, but for their signatures, for which
// they need more packages than Feast brings.
const parse = `
import asyncio, json, logging, sys
import jwt
from feast.permissions.auth.oidc_token_parser import OidcTokenParser
from feast.permissions.auth_model import OidcAuthConfig
logging.disable(logging.CRITICAL)
url, client, issuer, tokens = sys.argv[1:]
parser = OidcTokenParser(OidcAuthConfig(type="oidc", auth_discovery_url=url, client_id=client, audience=client, issuer=issuer))
parser._get_jwks_client = lambda: type("Keys", (), {"get_signing_key_from_jwt": lambda self, token: jwt.PyJWK({"kty": "oct", "k": "eA"}, "HS256")})()
decode = jwt.decode
jwt.decode = lambda token, *args, options, **more: decode(token, *args, options={**options, "verify_signature": False, "verify_nbf": "verify_exp" in options, "verify_iat": "verify_exp" in options}, **more)
answers = []
for token in json.loads(tokens):
    try:
        user = asyncio.run(parser.user_details_from_access_token(token))
        answers.append(" ".join([user.username, *user.roles, "/", *user.groups]))
    except Exception:
        answers.append("refused")
json.dump(answers, sys.stdout)
`

// TestFeastReadsTheSameUsers gives Feast's servers and ours the same tokens.
// Those without an expiry, which Feast takes, are not among them.
func TestFeastReadsTheSameUsers(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	now := time.Now().Unix()
	var tokens []string
	for _, claims := range []map[string]any{
		nil, {"exp": now - 60}, {"nbf": now + 600}, {"iat": now + 600}, {"aud": "other"}, {"aud": []string{"other", storetest.IssuerClient}}, {"aud": nil},
		{"iss": "other"}, {"iss": nil}, {"preferred_username": nil}, {"preferred_username": nil, "sub": nil}, {"preferred_username": 7, "upn": "u"},
		{"preferred_username": nil, "azp": "app", "appid": "id"}, {"preferred_username": nil, "appid": "id"},
		{"roles": []string{"a", "b"}, "groups": []string{"g", "h"}}, {"roles": "a", "groups": map[string]any{"g": 1}},
		{"resource_access": map[string]any{storetest.IssuerClient: map[string]any{"roles": []string{"a", "b"}}, "other": map[string]any{"roles": []string{"z"}}}, "roles": []string{"b", "c"}},
		{"resource_access": map[string]any{storetest.IssuerClient: []string{"a"}}}, {"resource_access": "a"},
	} {
		tokens = append(tokens, issuer.Token(claims))
	}
	tokens = append(tokens, "a.b.c", "")
	g := guardOf(t, issuer)
	var ours []string
	for _, token := range tokens {
		user, err := admit(t, g, token)
		if err != nil {
			ours = append(ours, "refused")
			continue
		}
		ours = append(ours, strings.Join(slices.Concat([]string{user.Name}, user.Roles, []string{"/"}, user.Groups), " "))
	}
	text, err := json.Marshal(tokens)
	if err != nil {
		t.Fatal(err)
	}
	var theirs []string
	if err := json.Unmarshal(storetest.RunPython(t, parse, issuer.DiscoveryURL(), storetest.IssuerClient, issuer.URL(), string(text)), &theirs); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, ours); diff != "" || slices.Index(ours, "ann a b c /") < 0 {
		t.Errorf("users (-Feast's +ours):\n%s", diff)
	}
}

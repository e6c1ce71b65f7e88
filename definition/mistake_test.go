package definition_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/definition"
)

// head is the beginning of most repositories below: 7 lines.
const head = `from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource
from feast.types import Float32, Int64, String

user = Entity(name="user", join_keys=["user_id"])
src = FileSource(name="src", path="s.parquet", timestamp_field="ts")

`

// TestMistakes checks what is said of a mistake: every one of a repository, with
// file, line, text, and what to write instead.
func TestMistakes(t *testing.T) {
	cases := []struct{ name, source, want string }{
		{"unknown argument", `fv = FeatureView(
    name="fv",
    entities=[user],
    schema=[Field(name="x", dtype=Int64)],
    onlin=True,
    sorce=src,
)
`, `f.py:12: FeatureView has no argument "onlin"; did you mean "online"?
    onlin=True
f.py:13: FeatureView has no argument "sorce"; did you mean "source"?
    sorce=src`},
		{"retired argument", `fv = FeatureView(name="fv", entities=[user], features=[Field(name="x", dtype=Int64)], batch_source=src)
s = FileSource(path="x", event_timestamp="ts")
`, `f.py:8: FeatureView has no argument "features"; write schema=
    features=[Field(name="x", dtype=Int64)]
f.py:8: FeatureView has no argument "batch_source"; write source=
    batch_source=src
f.py:9: FileSource has no argument "event_timestamp"; write timestamp_field=
    event_timestamp="ts"`},
		{"missing argument", "e = Entity(join_keys=['a'])\n", "f.py:8: Entity needs the argument \"name\"\n    Entity(join_keys=['a'])"},
		{"positional", "x = Field('x', Int64)\n", "f.py:8: Field takes its arguments by name: write Field(name=…)\n    'x'"},
		{"type", `a = Field(name="a", dtype="Int64")
b = Field(name="b", dtype=int)
c = Field(name="c", dtype=Int64s)
`, `f.py:8: dtype of Field is a type of feast.types, not the text 'Int64': write Int64, imported from feast.types
    dtype="Int64"
f.py:9: dtype of Field is a type of feast.types, not int: write Int64, imported from feast.types
    dtype=int
f.py:10: name "Int64s" is not defined; did you mean "Int64"?
    c = Field(name="c", dtype=Int64s)`},
		{"ttl", `fv = FeatureView(name="fv", entities=[user], ttl=86400, schema=[Field(name="x", dtype=Int64)], source=src)
`, `f.py:8: ttl of FeatureView is a timedelta, not 86400: write timedelta(seconds=86400), or days=, hours=
    ttl=86400`},
		{"entity by name", `fv = FeatureView(name="fv", entities=["user"], schema=[Field(name="x", dtype=Int64)], source=src)
`, `f.py:8: entities of FeatureView is a list of Entity, not a list that holds the text 'user': give the entity itself, entities=[user], not its name
    entities=["user"]`},
		{"join keys", `e = Entity(name="e", join_keys=["a", "b"])
f = Entity(name="f", join_keys="a")
`, `f.py:8: entity e has 2 join keys; an entity has one: make an entity of each, and give a view both
    join_keys=["a", "b"]
f.py:9: join_keys of Entity is a list of texts, not the text 'a': put it in brackets
    join_keys="a"`},
		{"tags", `e = Entity(name="e", tags={"a": 1})
`, `f.py:8: tags of Entity is a dict of texts, not a dict: write {"key": "value"}, both sides quoted
    tags={"a": 1}`},
		{"import", "from feast import FeatureVeiw, PostgresSource\nfrom feast.type import Int64\n", `f.py:8: feast has no "FeatureVeiw"; did you mean "FeatureView", from feast?
    from feast import FeatureVeiw, PostgresSource
f.py:9: there is no module "feast.type"; did you mean "feast.types"?
    from feast.type import Int64`},
		{"not imported", "p = PushSource(name='p', batch_source=src)\nq = PostgreSQLSource(name='q', table='t')\n", `f.py:8: name "PushSource" is not defined; add: from feast import PushSource
    p = PushSource(name='p', batch_source=src)
f.py:9: name "PostgreSQLSource" is not defined; add: from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
    q = PostgreSQLSource(name='q', table='t')`},
		{"projection", `fv = FeatureView(name="fv", entities=[user], schema=[Field(name="monthly_fee", dtype=Float32)], source=src)
a = FeatureService(name="a", features=[fv[["montly_fee"]]])
b = FeatureService(name="b", features=[fv["monthly_fee"]])
c = FeatureService(name="c", features=["fv:fee", "fw", fv.with_join_key_map({"id": "x"})])
`, `f.py:9: feature view fv has no feature "montly_fee"; did you mean "monthly_fee"?
    a = FeatureService(name="a", features=[fv[["montly_fee"]]])
f.py:10: features of fv are chosen by a list of names, not by the text 'monthly_fee'; write view[["feature"]], with two brackets
    b = FeatureService(name="b", features=[fv["monthly_fee"]])
f.py:11: feature view fv has no join key "id"; known: user_id
    c = FeatureService(name="c", features=["fv:fee", "fw", fv.with_join_key_map({"id": "x"})])`},
		{"names by text", `fv = FeatureView(name="fv", entities=[user], schema=[Field(name="monthly_fee", dtype=Float32)], source=src)
c = FeatureService(name="c", features=["fv:fee", "fw"])
`, `f.py:9: feature service c names the feature "fee", which view fv does not have; known: monthly_fee
    features=["fv:fee", "fw"]
f.py:9: feature service c names the view "fw", which is not defined; did you mean "fv"?
    features=["fv:fee", "fw"]`},
		{"same name", `a = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
b = FeatureView(name="FV", entities=[user], schema=[Field(name="y", dtype=Int64)], source=src)
`, `f.py:9: feature view FV has the name of the feature view defined at f.py:8; give one of them another name`},
		{"twice a field", `fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64), Field(name="x", dtype=String)], source=src)
`, `f.py:8: FeatureView fv has the field "x" twice
    Field(name="x", dtype=String)`},
		{"key type", `from feast import ValueType
shop = Entity(name="shop", value_type=ValueType.INT64)
fv = FeatureView(name="fv", entities=[shop], schema=[Field(name="shop", dtype=String)], source=src)
`, `f.py:10: the join key "shop" is String here and Int64 in entity shop; write the same type in both
    Field(name="shop", dtype=String)`},
		{"push without history", `from feast import PushSource
p = PushSource(name="p")
fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=p)
`, `f.py:10: source "p" of view "fv" has no history to train on: give it batch_source=
    source=p`},
		{"source", `fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source="src")
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
p = PostgreSQLSource(name="p", timestamp_field="ts")
q = FileSource(path="q", timestamp_field="ts", created_timestamp_column="ts")
`, `f.py:8: source of FeatureView is a data source, a feature view or a list of feature views, not the text 'src'
    source="src"
f.py:10: PostgreSQLSource "p" needs a table or a query
    PostgreSQLSource(name="p", timestamp_field="ts")
f.py:11: timestamp_field and created_timestamp_column of "q" are the same column; leave created_timestamp_column out
    created_timestamp_column="ts"`},
		{"changed later", `fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
fv.online = False
`, `f.py:9: online of a FeatureView is changed after it was built; give it to the constructor: FeatureView(…, online=…)
    fv.online = False`},
		{"project", "from feast import Project\np = Project(name='other')\n", "f.py:9: the project is named other here and shop in feature_store.yaml; write the same name in both\n    Project(name='other')"},
		{"class", "class Views:\n    def fv(self): pass\n", "f.py:8: a class cannot be read without Python; keep its values in variables of the module or in a dict, or run with --python to have an installed feast load the definitions\n    class Views:"},
		{"on demand", `from feast.on_demand_feature_view import on_demand_feature_view
fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
@on_demand_feature_view(sources={"fv": fv}, schema=[Field(name="y", dtype=Int64)], mode="pandsa")
def f(df):
    return df
@on_demand_feature_view(schema=[Field(name="y", dtype=Int64)], mode="sql")
def g(df):
    return df
`, `f.py:10: sources of on_demand_feature_view is a list of feature views and request sources, not a dict: write a list of the views and sources
    sources={"fv": fv}
f.py:13: mode of g is "sql"; write "pandas" or "python", or run with --python
    mode="sql"`},
		{"reads from a store", "from feast import FeatureStore\nstore = FeatureStore('.')\nviews = store.list_feature_views()\n", "f.py:10: calls feast.FeatureStore.list_feature_views, a library that is not available here; keep such calls inside functions, list the file in .feastignore, or run with --python\n    views = store.list_feature_views()"},
		{"in a helper", `def make(name, **kw):
    return FeatureView(
        name=name,
        entites=[user],
        **kw,
    )
a = make("a")
b = make("b", colour=1)
`, `f.py:9: FeatureView has no argument "colour"
    FeatureView(
f.py:11: FeatureView has no argument "entites"; did you mean "entities"?
    entites=[user]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, repository(t, map[string]string{"f.py": head + c.source}))
			if err == nil {
				t.Fatal("no mistake was found")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestMistakesOfManyFiles checks that one mistake is told once, and that those
// of all files come together.
func TestMistakesOfManyFiles(t *testing.T) {
	_, err := load(t, repository(t, map[string]string{
		"entities.py": "from feast import Entity\nuser = Entity(nme='user')\n",
		"sources.py":  "from feast import FileSource\nsrc = FileSource(name='src')\n",
		"views.py": `from feast import FeatureService, FeatureView, Field
from feast.types import Int64
from entities import user
from sources import src
fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
svc = FeatureService(name="svc", features=[fv[["x"]]])
oops = FeatureView(name="oops", entities=[user], onlin=True)
`,
	}))
	want := `entities.py:2: Entity has no argument "nme"; did you mean "name"?
    nme='user'
sources.py:2: FileSource needs the argument "path"
    FileSource(name='src')
views.py:7: FeatureView has no argument "onlin"; did you mean "online"?
    onlin=True`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRefusedTemplates(t *testing.T) {
	for name, want := range map[string]string{
		"ray_rag": "feature_definitions.py:41: a class cannot be read without Python",
	} {
		_, err := load(t, template(t, name))
		if err == nil || !strings.HasPrefix(strings.Split(err.Error(), "\n")[0], want) && !strings.Contains(err.Error(), "\n"+want) || !strings.Contains(err.Error(), "--python") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSkippedFiles(t *testing.T) {
	got, err := load(t, repository(t, map[string]string{
		"f.py":       head + "fv = FeatureView(name='fv', entities=[user], schema=[Field(name='x', dtype=Int64)], source=src)\n",
		"debug.py":   "import feast\nfrom f import fv\nstore = feast.FeatureStore(repo_path='.')\nprint(store.list_feature_views())\n",
		"train.py":   "import pandas as pd\ndf = pd.read_csv('x.csv')\n",
		"legacy.py":  "class Trainer:\n    def fit(self): pass\n",
		"consts.py":  "X = 1\n",
		"main.py":    "from feast import FeatureStore\nif __name__ == '__main__':\n    FeatureStore('.').apply([])\n",
		"test_it.py": "import pytest\nfrom feast import Entity\n@pytest.fixture\ndef user():\n    return Entity(name='user')\ndef test_it(user):\n    assert user.name\n",
		"notused.py": "import tensorflow\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []definition.Skipped{
		{File: "debug.py", Reason: "it opens a FeatureStore (line 3) and defines nothing"},
		{File: "main.py", Reason: "it opens a FeatureStore (line 3) and defines nothing"},
		{File: "legacy.py", Reason: "it defines nothing and cannot be run here: line 1: a class cannot be read without Python"},
		{File: "test_it.py", Reason: "it defines nothing and cannot be run here: line 3: calls pytest.fixture, a library that is not available here"},
		{File: "train.py", Reason: "it defines nothing and cannot be run here: line 2: calls pandas.read_csv, a library that is not available here"},
	}
	if diff := cmp.Diff(want, got.Skipped); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"project shop", "entity user", "data source src", "feature view fv"}, named(got.Objects)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestStoreBesideDefinitions has a file that defines a view and opens a store.
func TestStoreBesideDefinitions(t *testing.T) {
	got, err := load(t, repository(t, map[string]string{"f.py": head + `import pandas as pd
from feast import FeatureStore
pd.set_option("display.width", 100)
fv = FeatureView(name="fv", entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
store = FeatureStore(repo_path=".")
store.apply([user, fv])
`}))
	if err != nil {
		t.Fatal(err)
	}
	want := `f.py:10: this call of a library is not run when definitions are read: pd.set_option("display.width", 100)
f.py:13: this call of a library is not run when definitions are read: store.apply([user, fv])`
	if diff := cmp.Diff(want, got.Warnings.Error()); diff != "" {
		t.Errorf("warnings (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"project shop", "entity user", "data source src", "feature view fv"}, named(got.Objects)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, err = load(t, repository(t, map[string]string{"f.py": head + `from feast import FeatureStore
fv = FeatureView(name="fv", entities=[user], schema=[Field(name=FeatureStore(".").project, dtype=Int64)], source=src)
`}))
	wantErr := "f.py:9: name of Field is a text, not feast.FeatureStore.project, which is not available here\n    name=FeatureStore(\".\").project"
	if err == nil || err.Error() != wantErr {
		t.Errorf("got %v, want %s", err, wantErr)
	}
}

// TestViewsThatNobodyHolds checks the warning of a view that Feast would not
// find.
func TestViewsThatNobodyHolds(t *testing.T) {
	got, err := load(t, repository(t, map[string]string{"f.py": head + `views = [
    FeatureView(name=n, entities=[user], schema=[Field(name="x", dtype=Int64)], source=src) for n in ("a", "b")
]
`}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) != 2 || !strings.HasPrefix(got.Warnings.Error(), "f.py:9: feature view a is not registered, because no variable of a module holds it") {
		t.Errorf("warnings: %v", got.Warnings)
	}
	if diff := cmp.Diff([]string{"project shop", "entity user", "data source src"}, named(got.Objects)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

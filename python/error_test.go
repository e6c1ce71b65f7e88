package python_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// TestMistakes checks that every mistake of a file is reported, with its line.
func TestMistakes(t *testing.T) {
	cases := []struct {
		name, source string
		want         []string // error texts, "" for none
	}{
		{"name", "x = 1\ny = xs\n", []string{`main.py:2: name "xs" is not defined; did you mean "x"?`}},
		{"known name", "b = Basket()\n", []string{`main.py:1: name "Basket" is not defined; add: from shop import Basket`}},
		{"several", "a = nope1\nb = a + 1\nc = 1 + 'x'\nd = nope2\n", []string{
			`main.py:1: name "nope1" is not defined`, `main.py:3: unknown binary op: int + string`, `main.py:4: name "nope2" is not defined`}},
		{"no follow-ups", "a = nope1\nfor x in a:\n    b = x\nc = f'{a}' + a.b.c(1)[2]\nd = len(a)\n", []string{`main.py:1: name "nope1" is not defined`}},
		{"helper", "def f(x):\n    return x.y\n\nf(1)\n", []string{`main.py:2: int has no .y field or method (called from main.py:4)`}},
		{"member of a class", "class A:\n    limit = 1\nx = A.limits\n", []string{`main.py:3: A has no "limits"; did you mean "limit"?`}},
		{"name of an enumeration", "from enum import Enum\nclass A(Enum):\n    WEB = 1\nx = A.WEP\ny = A(3)\nz = A['V']\n", []string{
			`main.py:4: A has no "WEP"; did you mean "WEB"?`, "main.py:5: 3 is not a valid A", "main.py:6: key 'V' is not in the dict"}},
		{"key that is a text too", "from enum import Enum\nclass A(str, Enum):\n    X = 'x'\nd = {A.X: 1}\n", []string{
			"main.py:4: dict: a member of A cannot be a key here: write A.X.value"}},
		{"frozen", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A:\n    x: int = 1\na = A(y=2)\nb = A()\nb.x = 3\n", []string{
			`main.py:5: A has no part "y"; did you mean "x"?`, `main.py:7: cannot assign to field "x": A is frozen`}},
		{"mutable default", "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: list = []\n", []string{
			"main.py:2: mutable default list for field x is not allowed"}},
		{"variables of a class", "class A:\n    x = 1\nd = vars(A)\n", []string{
			"main.py:3: vars of a value cannot be read without Python; rewrite it without that, or run with --python to have an installed feast load the definitions"}},
		{"try around what is not here", "import pandas\ntry:\n    x = 1\n    df = pandas.read_csv('x')\nexcept Exception:\n    df = None\n", []string{
			"main.py:4: calls pandas.read_csv, a library that is not available here; keep such calls inside functions, list the file in .feastignore, or run with --python"}},
		{"try for another exception", "try:\n    from shop import Baskett\nexcept KeyError:\n    pass\n", []string{`main.py:2: shop has no "Baskett"; did you mean "Basket"?`}},
		{"mistakes of every part of a try", "try:\n    a = nope1\nexcept NameError:\n    b = nope2\nfinally:\n    c = nope3\n", []string{
			`main.py:4: name "nope2" is not defined`, `main.py:6: name "nope3" is not defined`}},
		{"a library's result that nobody uses", "import pandas as pd\npd.set_option('a', 1)\npd.options.plot().show()\nx = pd.plot\nx(1)\n", nil},
		{"a library's result within another call", "import pandas as pd\nx = []\nx.append(pd.f())\nprint(pd.g())\n", []string{
			"main.py:3: calls pandas.f, a library that is not available here; keep such calls inside functions, list the file in .feastignore, or run with --python",
			"main.py:4: calls pandas.g, a library that is not available here; keep such calls inside functions, list the file in .feastignore, or run with --python"}},
		{"try in a function", "def f():\n    try:\n        return 1\n    except Exception:\n        return 2\n", nil},
		{"calling it", "def f():\n    x = 1\n    try:\n        return 1\n    finally:\n        pass\n\ny = f()\n", []string{
			"main.py:3: a try statement within another statement cannot be read without Python; move it to the module's own level, or test first, or run with --python to have an installed feast load the definitions (called from main.py:8)"}},
		{"syntax", "x = 1\ny = (1,\nz = 2\n", []string{"main.py:2: this is not valid Python"}},
		{"import", "from shop import Baskett\n", []string{`main.py:1: shop has no "Baskett"; did you mean "Basket"?`}},
		{"submodule", "import shop.carts\n", []string{`main.py:1: there is no module "shop.carts"`}},
		{"foreign call", "import pandas as pd\nT = pd.DataFrame\ndf = pd.read_csv('x')\n", []string{
			"main.py:3: calls pandas.read_csv, a library that is not available here; keep such calls inside functions, list the file in .feastignore, or run with --python"}},
		{"environment", "import os\nx = os.environ['NOPE']\n", []string{
			`main.py:2: the environment variable NOPE is not set; set it, or write os.environ.get('NOPE', DEFAULT)`}},
		{"key", "d = {'monthly_fee': 1}\nx = d['monthly_fees']\n", []string{`main.py:2: key 'monthly_fees' is not in the dict; did you mean "monthly_fee"?`}},
		{"raise", "def check(x):\n    if x > 1:\n        raise ValueError(f'{x} is too big')\ncheck(5)\n", []string{
			"main.py:3: ValueError: 5 is too big (called from main.py:4)"}},
		{"assert", "assert 1 > 2, 'no'\n", []string{"main.py:1: no"}},
		{"argument", "from datetime import timedelta\nx = timedelta(day=1)\n", []string{`main.py:2: timedelta has no argument "day"; did you mean "days"?`}},
		{"write", "open('x.txt', 'w')\n", []string{"main.py:1: opens a file for writing while definitions are read; do that elsewhere, or run with --python"}},
		{"main guard", "if __name__ == '__main__':\n    class A: pass\n    nope()\n", nil},
		{"endless recursion", "def f(x):\n    return f(x)\ny = f(1)\n", []string{"main.py:2: maximum recursion depth exceeded in f"}},
		{"memory", "x = [1] * 10 ** 9\ny = 'a' * 10 ** 12\nz = range(10 ** 12)\n", []string{
			"main.py:1: the list or text would be too long for a definition file", "main.py:2: the list or text would be too long for a definition file",
			"main.py:3: the list or text would be too long for a definition file"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := run(t, map[string]string{"main.py": c.source})
			var got []string
			for _, e := range m.Errors {
				text := e.Error()
				if strings.Contains(text, "recursion depth") {
					text, _, _ = strings.Cut(text, " (called")
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEndlessLoopStops(t *testing.T) {
	in := python.New(python.Config{Root: "/r", FS: files(map[string]string{"main.py": "while True:\n    pass\nx = 1\n"}), MaxSteps: 10_000})
	m := in.Run("main.py")
	if len(m.Errors) != 1 || !strings.Contains(m.Errors[0].Error(), "main.py:1: the definitions take too long") {
		t.Errorf("got %v", m.Errors)
	}
}

func TestSlowFileStops(t *testing.T) {
	in := python.New(python.Config{Root: "/r", FS: files(map[string]string{"main.py": "x = list(range(100000))\nwhile True:\n    x.sort()\n"}), MaxTime: 50 * time.Millisecond})
	m := in.Run("main.py")
	if len(m.Errors) != 1 || !strings.Contains(m.Errors[0].Error(), "the definitions take too long") {
		t.Errorf("got %v", m.Errors)
	}
}

// TestTimeIsUpBetweenStatements checks that what was left out is never left out
// in silence.
func TestTimeIsUpBetweenStatements(t *testing.T) {
	in := python.New(python.Config{Root: "/r", FS: files(map[string]string{"main.py": strings.Repeat("x = 1\n", 10_000)}), MaxTime: time.Nanosecond})
	m := in.Run("main.py")
	if len(m.Errors) != 1 || !strings.Contains(m.Errors[0].Error(), "the definitions take too long") {
		t.Errorf("got %v", m.Errors)
	}
}

func TestCallSite(t *testing.T) {
	m := run(t, map[string]string{"main.py": "from shop import Basket\nx = Basket(\n    1,\n    colour='red',\n    size=3,\n)\n"})
	if got, _ := starlark.AsString(m.Get("x")); got != "1 2 at main.py:2 size at main.py:5" {
		t.Errorf("got %q", got)
	}
}

func TestModules(t *testing.T) {
	cases := []struct {
		name  string
		files map[string]string
		want  string // str(out), or the errors of all modules
	}{
		{"absolute", map[string]string{"entities.py": "user = 'u'", "main.py": "from entities import user as u\nimport entities\nout = u + entities.user"}, "uu"},
		{"several in parentheses", map[string]string{"d.py": "a = 1\nb = 2", "main.py": "from d import (\n    a,  # first\n    b as c,\n)\nout = a + c"}, "3"},
		{"star", map[string]string{"d.py": "a = 1\n_b = 2", "main.py": "from d import *\nout = [a, '_b' in globals()]"}, "[1, False]"},
		{"star with __all__", map[string]string{"d.py": "__all__ = ['_b']\na = 1\n_b = 2", "main.py": "from d import *\nout = [_b, 'a' in globals()]"}, "[2, False]"},
		{"package", map[string]string{"p/__init__.py": "from .m import x", "p/m.py": "x = 4", "main.py": "from p import x\nimport p.m\nout = x + p.m.x"}, "8"},
		{"folder", map[string]string{"p/m.py": "x = 4", "main.py": "from p.m import x\nfrom p import m\nimport p.m as q\nout = x + m.x + q.x"}, "12"},
		{"root's own name", map[string]string{"m.py": "x = 4", "main.py": "from feature_repo.m import x\nfrom feature_repo import m\nout = x + m.x"}, "8"},
		{"relative", map[string]string{"p/a.py": "from .b import y\nfrom ..top import z\nfrom . import b\nx = y + z + b.y", "p/b.py": "y = 1", "top.py": "z = 5", "main.py": "from p.a import x\nout = x"}, "7"},
		{"sys.path", map[string]string{"lib/m.py": "x = 2", "main.py": "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), 'lib'))\nfrom m import x\nout = x"}, "2"},
		{"beside", map[string]string{"p/a.py": "from b import y\nx = y", "p/b.py": "y = 1", "main.py": "from p.a import x\nout = x"}, "1"},
		{"once", map[string]string{"m.py": "import shop\nx = []", "a.py": "from m import x\nx.append(1)", "main.py": "from m import x\nimport a\nfrom a import x as y\nout = [x, x is y]"}, "[[1], True]"},
		{"inside a function", map[string]string{"m.py": "x = 3", "main.py": "def f():\n    from m import x\n    return x\nout = f()"}, "3"},
		{"cycle that works", map[string]string{"a.py": "x = 1\nimport b", "b.py": "import a\ny = a.x", "main.py": "import a, b\nout = b.y"}, "1"},
		{"cycle", map[string]string{"a.py": "from b import y\nx = 1", "b.py": "from a import x\ny = 1", "main.py": "import a\nout = 1"},
			`b.py:1: "x" is not defined yet in a.py: the modules import each other in a circle (a.py imports b.py imports a.py); move what both need into a third file`},
		{"missing name", map[string]string{"entities.py": "user = 1", "main.py": "from entities import users\nout = 1"}, `main.py:1: entities.py does not define "users"; did you mean "user"?`},
		{"misspelt module", map[string]string{"entities.py": "user = 1", "main.py": "from entites import user\nout = user"}, `main.py:1: there is no module "entites"; did you mean "entities"?`},
		{"missing relative", map[string]string{"p/a.py": "from .bb import y", "main.py": "import p.a\nout = 1"}, `p/a.py:1: there is no module ".bb" beside p/a.py`},
		{"mistake in an import is told once", map[string]string{"m.py": "x = undefined", "main.py": "from m import x\nout = x.y"}, `m.py:1: name "undefined" is not defined`},
		{"data", map[string]string{"conf.yaml": "views:\n  - name: a\n    ttl: 3\n", "main.py": "import yaml\nfrom pathlib import Path\nwith open(Path(__file__).parent / 'conf.yaml') as f:\n    conf = yaml.safe_load(f)\nout = [v['name'] for v in conf['views']]"}, "['a']"},
		{"environment", map[string]string{"main.py": "import os\nout = [os.environ.get('TTL_DAYS', '7'), os.getenv('NOPE', 'x'), os.environ['HOME'], 'NOPE' in os.environ, int(os.getenv('TTL_DAYS')) * 2]"}, "['30', 'x', '/home/ann', False, 60]"},
		{"file", map[string]string{"p/m.py": "import os\nhere = os.path.dirname(os.path.abspath(__file__))", "main.py": "from p.m import here\nout = [here, __name__]"}, "['/repo/feature_repo/p', 'main']"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := interpreter(c.files)
			m := in.Run("main.py")
			got := ""
			for _, m := range in.Modules() {
				for _, e := range m.Errors {
					got += e.Error()
				}
			}
			if got == "" && m.Get("out") != nil {
				got = python.Text(m.Get("out"))
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestFunctionKeepsItsText(t *testing.T) {
	m := run(t, map[string]string{"main.py": `import numpy as np
import os
from shop import Basket
FACTOR = 2
LIMITS = {"low": 0.5, "high": None}

class Scale:
    BASE = FACTOR

def double(x):
    return os.path.join(str(x), "b") * FACTOR

def keep(x):
    return x

@keep
@keep
def risk(inputs: "pd.DataFrame", *, scale=1):
    try:
        return np.log(inputs["a"]) * FACTOR + double(LIMITS["low"]) + Scale.BASE   # natural
    except ValueError:
        return None

other = 1
`})
	for _, e := range m.Errors {
		t.Fatal(e)
	}
	f := m.Get("risk").(*python.Function)
	definition := "def risk(inputs: \"pd.DataFrame\", *, scale=1):\n    try:\n        return np.log(inputs[\"a\"]) * FACTOR + double(LIMITS[\"low\"]) + Scale.BASE   # natural\n    except ValueError:\n        return None\n"
	if got := f.Definition(); got != definition {
		t.Errorf("definition:\n%s", got)
	}
	if got := f.Source(); got != "@keep\n@keep\n"+definition {
		t.Errorf("source:\n%s", got)
	}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"imports", f.Imports(), []string{"import numpy as np"}},
		{"uses", f.Uses(), []string{"FACTOR", "LIMITS", "Scale", "double"}},
		{"prelude", f.Prelude(), []string{"import numpy as np", "FACTOR = 2", "LIMITS = {'low': 0.5, 'high': None}", "class Scale:\n    BASE = FACTOR", "import os",
			"def double(x):\n    return os.path.join(str(x), \"b\") * FACTOR"}},
		{"parameters", f.Parameters(), []string{"inputs", "scale"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// TestRefusedClasses checks that a class which does more than hold values is
// refused at its line, with what to do instead.
func TestRefusedClasses(t *testing.T) {
	const want = "a class cannot be read without Python; keep its values in variables of the module or in a dict, or run with --python to have an installed feast load the definitions"
	for name, source := range map[string]string{
		"method":                "class A:\n    x = 1\n    def f(self): pass\n",
		"decorated method":      "class A:\n    @property\n    def f(self): pass\n",
		"lambda":                "class A:\n    f = lambda self: 1\n",
		"statement":             "class A:\n    x = 1\n    if x: y = 2\n",
		"pattern":               "class A:\n    x, y = 1, 2\n",
		"function as a value":   "def f(self): pass\nclass A:\n    x = f\n",
		"lambda in parentheses": "class A:\n    x = (lambda self: 1)\n",
		"property":              "class A:\n    x = property(len)\n",
		"special name":          "class A:\n    __slots__ = ()\n",
		"two bases":             "class B: pass\nclass C: pass\nclass A(B, C): pass\n",
		"base that is a type":   "class A(dict): pass\n",
		"metaclass":             "class A(metaclass=type): pass\n",
		"base of a library":     "import pydantic\nclass A(pydantic.BaseModel):\n    x: int = 1\n",
		"other decorator":       "import functools\n@functools.cache\nclass A: pass\n",
		"field without default": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n",
		"ordered dataclass":     "from dataclasses import dataclass\n@dataclass(order=True)\nclass A:\n    x: int = 1\n",
		"class variable":        "from dataclasses import dataclass\nfrom typing import ClassVar\n@dataclass\nclass A:\n    x: ClassVar[int] = 1\n",
		"flags":                 "import enum\nclass A(enum.Flag):\n    X = 1\n",
		"enum of members":       "from enum import Enum\nclass B(Enum):\n    X = 1\nclass A(B):\n    Y = 2\n",
		"text enum of numbers":  "from enum import Enum\nclass A(str, Enum):\n    X = 1\n",
		"enum with functions":   "from enum import Enum\nclass A(Enum):\n    X = len\n",
		"enum as dataclass":     "from enum import Enum\nfrom dataclasses import dataclass\n@dataclass\nclass A(Enum):\n    X: int = 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := run(t, map[string]string{"main.py": source})
			if len(m.Errors) != 1 || m.Errors[0].Kind != python.Unsupported || !strings.HasSuffix(m.Errors[0].Error(), want) || m.Errors[0].Line == 0 {
				t.Errorf("got %v", m.Errors)
			}
		})
	}
	m := run(t, map[string]string{"main.py": "def f():\n    class A:\n        x = 1\n    return A.x\ny = f()\n"})
	if len(m.Errors) != 1 || m.Errors[0].Error() != "main.py:2: "+want+" (called from main.py:5)" {
		t.Errorf("within a function: %v", m.Errors)
	}
}

package python_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof/python"
)

// FuzzRun checks that no text makes the interpreter panic or run on: the steps
// are bounded, and the fuzzing engine stops at a text that hangs.
func FuzzRun(f *testing.F) {
	cases, _ := filepath.Glob("testdata/cases/*.txt")
	for _, file := range cases {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range strings.Split(string(data), "\n====\n") {
			source, _, _ := strings.Cut(c, "\n----\n")
			f.Add(source)
		}
	}
	for _, source := range []string{
		"", "\x00", "def", "f(", "x = [", "class A", "f'{", "f'{x!}'", "f'{:>}'", "\"\\x4\"", "lambda: (yield)", "return 1", "break",
		"def f():\n  continue", "x = x = 1", "*a = 1", "a, *b, *c = 1", "f(*a, **b, *c)", "f(**)", "del x.y", "import a.b.c as d, e",
		"from . import *", "from .. import x", "@x\nclass A: pass", "for x in x: pass", "[x for x in x]", "'%' % ()", "'%(a' % {}", "'{'.format()",
		"'{0[}'.format(1)", "x = 9**9**9**9", "x = 1 << 10**10", "x = [1]\nwhile 1: x = x + x", "x = [1]\nwhile 1: x += x", "x = 'a'\nwhile 1: x = f'{x}{x}'",
		"x = 2\nwhile 1: x = x * x", "f = lambda x: f(x)\nf(1)", "async def f(): await x", "match x:\n  case 1: pass", "nonlocal x", "print 'x'",
		"x = []\nx.append(x)\ny = str(x)", "d = {}\nd['a'] = d\ny = repr(d)", "globals()['globals'] = 1", "global x", "def f(a, a): pass", "f(a=1, a=2)",
		"import sys\nsys.modules[__name__].x = 1", "from main import *", "import main\nmain.x", "(" + strings.Repeat("(", 2000) + ")", strings.Repeat("x=[", 300),
		"from datetime import *\nx = datetime(2024, 13, 1)\ny = timedelta(days=1e300) * 10", "import json\njson.loads('{')", "import re\nre.sub('(', '', '')",
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		in := python.New(python.Config{Root: "/r", FS: files(map[string]string{"main.py": source}), MaxSteps: 20_000})
		m := in.Run("main.py")
		for _, e := range m.Errors {
			if e.Message == "" || e.File == "" {
				t.Errorf("an error without text or file: %+v", e)
			}
		}
	})
}

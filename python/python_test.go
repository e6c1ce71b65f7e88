package python_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// run executes files, "main.py" last, and returns its module.
func run(t *testing.T, files map[string]string) *python.Module {
	t.Helper()
	return interpreter(files).Run("main.py")
}

func files(texts map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func interpreter(texts map[string]string) *python.Interpreter {
	return python.New(python.Config{
		Root: "/repo/feature_repo", FS: files(texts),
		Environ: map[string]string{"HOME": "/home/ann", "TTL_DAYS": "30"},
		Modules: map[string]starlark.Value{"shop": &python.Namespace{Name: "shop", Members: map[string]starlark.Value{
			"Basket": starlark.NewBuiltin("Basket", basket), "Colour": &python.Namespace{Name: "Colour", Members: map[string]starlark.Value{"RED": starlark.String("red")}},
		}}},
	})
}

// basket gives back its arguments, and the line of its argument "size".
func basket(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	site := python.CallSite(thread)
	return starlark.String(fmt.Sprint(len(args), len(kwargs), " at ", site.Place, " size at ", site.Keyword("size"))), nil
}

// TestStatements runs the cases of testdata/cases: each is a piece of Python
// that sets out, and the repr of out as CPython 3.11 gives it.
func TestStatements(t *testing.T) {
	cases, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range cases {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range strings.Split(string(data), "\n====\n") {
			source, want, ok := strings.Cut(c, "\n----\n")
			if !ok {
				t.Fatalf("%s: case %d has no ----", file, i)
			}
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(file), i), func(t *testing.T) {
				m := run(t, map[string]string{"main.py": source + "\nout_repr = repr(out)\n"})
				for _, e := range m.Errors {
					t.Errorf("%v\n%s", e, source)
				}
				got, _ := starlark.AsString(m.Get("out_repr"))
				if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" {
					t.Errorf("%s\n(-want +got)\n%s", source, diff)
				}
			})
		}
	}
}

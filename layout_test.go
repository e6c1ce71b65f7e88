package asof_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/asof-dev/asof"

// TestLayout holds every import between packages of the module against the
// table of ARCHITECTURE.md, and every package against its row.
func TestLayout(t *testing.T) {
	allowed := layoutTable(t)
	seen := map[string]bool{}
	for file, imports := range moduleImports(t) {
		from := roomOf(filepath.ToSlash(filepath.Dir(file)))
		may, known := allowed[from]
		if !known {
			t.Errorf("%s: package %q has no row in ARCHITECTURE.md", file, from)
			continue
		}
		seen[from] = true
		for _, path := range imports {
			to := roomOf(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
			if to != from && !slices.Contains(may, to) && !slices.Contains(may, "all") {
				t.Errorf("%s: package %q may not import %q; see the table in ARCHITECTURE.md", file, from, to)
			}
		}
	}
	for name := range allowed {
		if !seen[name] {
			t.Errorf("ARCHITECTURE.md: package %q has a row and no Go files", name)
		}
	}
}

// roomOf returns the row that a folder below the module belongs to.
func roomOf(dir string) string {
	switch {
	case dir == "." || dir == "":
		return "asof"
	case strings.HasPrefix(dir, "cmd/"):
		return dir
	}
	first, _, _ := strings.Cut(dir, "/")
	return first
}

func layoutTable(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := map[string][]string{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		cells := strings.Split(scan.Text(), "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		name := strings.Trim(strings.TrimSpace(cells[1]), "`")
		table[name] = nil
		for _, to := range strings.Split(cells[3], ",") {
			if to = strings.Trim(strings.TrimSpace(to), "`"); to != "" {
				table[name] = append(table[name], to)
			}
		}
	}
	if len(table) == 0 {
		t.Fatal("ARCHITECTURE.md: no package table found")
	}
	return table
}

// moduleImports returns, by file, the imports of the module's own packages;
// tests and test data are left out.
func moduleImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports[path] = nil
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if name == module || strings.HasPrefix(name, module+"/") {
				imports[path] = append(imports[path], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

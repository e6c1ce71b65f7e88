//go:build mutate

package pit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// mutantHelper stands in every package that is mutated: the whole list is
// compiled once, and a run of the tests chooses one by its number.
const mutantHelper = `package %s

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

var mutantNumber, _ = strconv.Atoi(os.Getenv("ASOF_MUTANT"))

func mutant[T any](number int, is, becomes T) T {
	if number == mutantNumber {
		return becomes
	}
	return is
}

// What some expressions become.
func flipped(direction string) string {
	return strings.NewReplacer(" DESC NULLS LAST", " NULLS FIRST", " NULLS FIRST", " DESC NULLS LAST").Replace(direction)
}

func nullsTurned(direction string) string {
	return strings.NewReplacer("LAST", "FIRST", "FIRST", "LAST").Replace(direction)
}

func backwards(names []string) []string {
	names = slices.Clone(names)
	slices.Reverse(names)
	return names
}

// runTogether compares keys as one text, from the conditions on each.
func runTogether(on []string) []string {
	if len(on) < 2 {
		return on
	}
	var ours, theirs []string
	for _, o := range on {
		a, b, _ := strings.Cut(o, " = ")
		ours, theirs = append(ours, a), append(theirs, b)
	}
	return []string{"concat(" + strings.Join(ours, ", ") + ") = concat(" + strings.Join(theirs, ", ") + ")"}
}
`

// TestMutants breaks the rules of the point-in-time join one at a time, and
// holds each against the corpus: every engine that reads the rule must fail a
// case. It prints which.
func TestMutants(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := writeOverlay(t, root, dir)
	if t.Failed() {
		return
	}
	binaries := map[string]string{}
	for _, engine := range []string{"memory", "duckdb", "postgres"} {
		binaries[engine] = filepath.Join(dir, engine+".test")
		build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "duckdb_arrow", "-overlay", overlay, "-o", binaries[engine], "./"+engine)
		build.Dir = root
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if killer, err := runCorpus(t.Context(), root, engine, binaries[engine], 0); killer != "" || err != nil {
			t.Fatalf("%s, unbroken, fails %q: %v", engine, killer, err)
		}
	}

	var table strings.Builder
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "broken rule\tengine\tcase that fails")
	survivors := 0
	for i, m := range mutants {
		killers := make([]string, len(m.engines()))
		var wait sync.WaitGroup
		for at, engine := range m.engines() {
			wait.Go(func() {
				var err error
				if killers[at], err = runCorpus(t.Context(), root, engine, binaries[engine], i+1); err != nil {
					t.Errorf("%s on %s: %v", m.rule, engine, err)
				}
			})
		}
		wait.Wait()
		for at, engine := range m.engines() {
			if killers[at] == "" {
				survivors++
				killers[at] = "NONE"
				t.Errorf("%s, broken, fails no case on %s", m.rule, engine)
			}
			fmt.Fprintf(rows, "%s\t%s\t%s\n", m.rule, engine, killers[at])
		}
	}
	rows.Flush()
	t.Logf("%d broken rules, %d survive\n%s", len(mutants), survivors, table.String())
}

func (m mutation) engines() []string { return strings.Fields(m.on) }

var failedCase = regexp.MustCompile(`--- FAIL: \w+/case/([^/ ]+)`)

// runCorpus runs a test binary's corpus until a case fails, and returns the
// case's name.
func runCorpus(ctx context.Context, root, engine, binary string, number int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, binary, "-test.failfast", "-test.run", `^TestOffline(Parquet|CSV|InEngine|ByLookup|InMemory)?$/^case$`)
	run.Dir = filepath.Join(root, engine)
	run.Env = append(os.Environ(), fmt.Sprintf("ASOF_MUTANT=%d", number))
	said, err := run.CombinedOutput()
	if found := failedCase.FindSubmatch(said); found != nil {
		return strings.ReplaceAll(string(found[1]), "_", " "), nil
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return "", err
}

// writeOverlay writes the mutated files beside the real ones, and the list
// with which the go command takes them for those.
func writeOverlay(t *testing.T, root, dir string) string {
	replace := map[string]string{}
	put := func(path, text string) {
		to := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(path, root), "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = to
	}
	for file, edits := range editsByFile() {
		path := filepath.Join(root, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		mutated, err := mutate(string(text), edits)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		put(path, mutated)
		name := filepath.Base(filepath.Dir(path))
		if filepath.Dir(path) == root {
			name = "asof"
		}
		put(filepath.Join(filepath.Dir(path), "mutant_overlay.go"), fmt.Sprintf(mutantHelper, name))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

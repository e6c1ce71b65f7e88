package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof/storetest"
)

// pyYAML prints each of the objects of a JSON list as Feast prints what it
// describes.
const pyYAML = `
import json, sys, yaml
json.dump([yaml.dump(yaml.safe_load(json.dumps(o)), default_flow_style=False, sort_keys=False) for o in json.load(open(sys.argv[1]))], sys.stdout)
`

// TestYAMLIsPyYAMLs holds what is written against PyYAML: texts that need
// quotes, that are long, that have breaks and blanks in all places.
func TestYAMLIsPyYAMLs(t *testing.T) {
	long := "a text that is long enough to be folded, because it goes on and on, and beyond the eightieth column, twice even, if one counts well"
	texts := []any{"", "a", "n", "yes", "1", "1.5", "1e5", "0x1f", "1_000", "12:30:45", "2024-01-31", "2024-01-31T00:00:00Z", "~", "null", "=", "<<", "- a", "-", "-a",
		"a: b", "a:b", "a #b", "a#b", "#a", "'", "it's", `"`, `say "hi"`, "a\nb", "a\n\nb\n", " a", "a ", "a\n b", "a \nb", "\ta", "a\tb", "größe", "日本", "😀", "a\\b",
		"---", "--- a", "...", "%a", "@a", "`a", "? a", "?a", ": a", "&a", "*a", "!a", "|", ">", "{a", "[a", "a, b", "a{b", "\u0085", "\u2028", "a\u00a0b", "\x7f", "\x00",
		long, "'" + long, "\"" + long + "\n" + long, long + "ü" + long, "  " + long, long + "   " + long, "x: " + long}
	objects := []tree{{{"texts", texts}, {"empty", tree{}}, {"none", []any{}}, {"nil", nil}, {"yes", true}, {"number", literal("1.5")},
		{"nested", []any{[]any{"a", []any{"b"}}, tree{{"a", []any{tree{{"b", "c"}}, tree{}}}}}}, {"on", tree{{"a: b", "c"}, {"größe", long}, {long + long, "a"}, {"a\nb", "c"}}}}}
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab :#-'\"\\\n\tä😀,[{?&*!|>%@`=~0.5eE")), 0, 120, -1)
	for seed := range 300 {
		s := text.Example(seed)
		objects = append(objects, tree{{"key", s}, {"deep", tree{{"list", []any{s, s}}}}, {s, "value"}})
	}
	asked, err := json.Marshal(objects)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "objects.json")
	if err := os.WriteFile(path, asked, 0o600); err != nil {
		t.Fatal(err)
	}
	var want []string
	if err := json.Unmarshal(storetest.RunPython(t, pyYAML, path), &want); err != nil {
		t.Fatal(err)
	}
	for i, o := range objects {
		if diff := cmp.Diff(want[i], feastYAML(o)); diff != "" {
			t.Fatalf("%q (-PyYAML, +ours):\n%s", o, diff)
		}
	}
}

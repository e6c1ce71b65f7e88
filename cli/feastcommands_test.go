package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/storetest"
)

// feastCommand is a command of Feast's, as scripts/feast-commands.py tells.
type feastCommand struct {
	Words     []string
	Arguments []string
	Options   [][]string
	Group     bool
}

// TestFeastsCommandsAreThere holds the command line, and the page that lists
// Feast's commands, against the commands that Feast has.
func TestFeastsCommandsAreThere(t *testing.T) {
	script, err := os.ReadFile("../scripts/feast-commands.py")
	if err != nil {
		t.Fatal(err)
	}
	var commands []feastCommand
	if err := json.Unmarshal(storetest.RunPython(t, string(script)), &commands); err != nil {
		t.Fatal(err)
	}
	if len(commands) < 70 {
		t.Fatalf("Feast has %d commands", len(commands))
	}
	page, err := os.ReadFile("../docs/feast-commands.md")
	if err != nil {
		t.Fatal(err)
	}
	root := (&app{name: "feast"}).command()
	for _, c := range commands[1:] { // the first one is Feast itself
		name := strings.Join(c.Words, " ")
		row := rowOf(string(page), name)
		if row == "" {
			t.Errorf("docs/feast-commands.md has no row of `%s`", name)
		}
		for _, flag := range slices.Concat(c.Options...) {
			if !strings.Contains(row, "`"+flag+"`") && !strings.Contains(row, "`"+flag+" ") {
				t.Errorf("docs/feast-commands.md leaves out %s of `%s`", flag, name)
			}
		}
		holdCommand(t, root, c, strings.Contains(row, "| no"))
	}
}

func rowOf(page, name string) string {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| `"+name+"` |") {
			return line
		}
	}
	return ""
}

// holdCommand holds a command of Feast's against ours: it is refused as the
// page says, or takes each of the flags.
func holdCommand(t *testing.T, root *cobra.Command, c feastCommand, refused bool) {
	t.Helper()
	name := strings.Join(c.Words, " ")
	ours, rest, err := root.Find(c.Words)
	switch {
	case err != nil:
		t.Errorf("`%s`: %v", name, err)
		return
	case ours.Hidden:
		if !refused && !c.Group {
			t.Errorf("`%s` is refused, and the page does not say so", name)
		}
		return
	case refused || len(rest) > 0:
		t.Errorf("`%s`: the page refuses it: %v; words that are left: %v", name, refused, rest)
		return
	}
	for _, option := range slices.Concat(c.Options...) {
		flag := ours.Flags().Lookup(strings.TrimPrefix(option, "--"))
		if short := strings.TrimPrefix(option, "-"); len(short) == 1 {
			flag = ours.Flags().ShorthandLookup(short)
		}
		if flag == nil {
			t.Errorf("`%s` does not take %s", name, option)
		}
	}
}

package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/pipeline"
)

// TestGraph: what follows from other steps is left out, steps with conditions
// are not.
func TestGraph(t *testing.T) {
	path := filepath.Join(t.TempDir(), "month.yaml")
	file := `name: month
params:
  folder: {type: string}
  as_of: {type: date}
  kind: {type: enum, values: [full, part]}
steps:
  - load: users
    file: "{{folder}}/users.csv"
    key: user_id
    columns: {user_id: text}
  - load: usage
    file: "{{folder}}/usage.csv"
    key: user_id
    columns: {user_id: text, n: bigint}
  - check: usage
    expect: [{not_null: n}]
  - snapshot: usage_snapshots
    from: usage
  - materialize: all
    when: kind == 'full'
  - command: [echo, "{{as_of}}"]
    name: tell
`
	if err := os.WriteFile(path, []byte(file), 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Graph(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.GraphStep{{Name: "load users", Kind: "load"}, {Name: "load usage", Kind: "load"},
		{Name: "check users", Kind: "check", Needs: []string{"load users"}}, {Name: "check usage", Kind: "check", Needs: []string{"load usage"}},
		{Name: "publish", Kind: "publish", Needs: []string{"check users", "check usage"}},
		{Name: "materialize", Kind: "materialize", When: "kind == 'full'", Needs: []string{"publish"}}, {Name: "tell", Kind: "command", Needs: []string{"materialize"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

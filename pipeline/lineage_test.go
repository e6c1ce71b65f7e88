package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/pipeline"
)

// TestLineage has what a run reads and writes before it has reported anything,
// after it was published, and where a step is left out.
func TestLineage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "month.yaml")
	text := `name: month
params:
  as_of: {type: date}
  online: {type: boolean, default: true}
steps:
  - load: users
    file: "seeds/{{as_of}}/users.csv"
    key: user_id
    columns: {user_id: text, hours: numeric}
  - check: users
    expect: [{min: 0, column: hours}]
  - snapshot: users_snapshots
    from: users
  - materialize: [users_fv]
    when: online
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	columns := []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "hours", Type: "numeric"}}
	frozen := []asof.TableColumn{columns[0], {Name: asof.AsOfColumn, Type: "date"}, columns[1]}
	checks := []check.Kept{{Rule: "min", Columns: []string{"hours"}, Holds: true}}
	report := pipeline.KeptReport{Steps: []pipeline.KeptStep{{Name: "load users", Rows: 5}, {Name: "check users", Table: "users", Checks: checks},
		{Name: pipeline.PublishStep, Changes: []pipeline.KeptChange{{Table: "users", Added: 2, Changed: 1, Equal: 2}, {Table: "users_snapshots", Added: 5}}}}}
	for name, c := range map[string]struct {
		params map[string]string
		report pipeline.KeptReport
		want   pipeline.Lineage
	}{
		"at its start": {nil, pipeline.KeptReport{}, pipeline.Lineage{
			Read:    []pipeline.Data{{File: "/repo/seeds/2024-01-31/users.csv", Columns: columns, Rows: -1}},
			Written: []pipeline.Data{{Table: "users", Columns: columns, Rows: -1}, {Table: "users_snapshots", Columns: frozen, Rows: -1}},
			Views:   []string{"users_fv"}}},
		"published": {map[string]string{"online": "false"}, report, pipeline.Lineage{
			Read:    []pipeline.Data{{File: "/repo/seeds/2024-01-31/users.csv", Columns: columns, Rows: 5, Checks: checks}},
			Written: []pipeline.Data{{Table: "users", Columns: columns, Rows: 3}, {Table: "users_snapshots", Columns: frozen, Rows: 5}}}},
	} {
		values := pipeline.Values{"as_of": "2024-01-31", "online": "true"}
		for name, value := range c.params {
			values[name] = value
		}
		if d := cmp.Diff(c.want, p.Lineage(values, "/repo", c.report)); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

package pipeline

import (
	"encoding/json"
	"slices"

	"github.com/asof-dev/asof"
)

// NewRun returns a run of those values, to be submitted to a store: its key is
// that of every run of the same values. As many runs of the pipeline go on at
// once as its concurrency says, one where it says nothing; and of pipelines that
// write the same table, one.
func (p *Pipeline) NewRun(project string, v Values) asof.Run {
	key, _ := json.Marshal(v) // of texts, in the order of their names
	most := max(p.Concurrency.Runs, 1)
	uses := []asof.RunUse{{Name: "pipeline " + p.Name, Most: most}}
	for _, table := range p.writes() {
		uses = append(uses, asof.RunUse{Name: "table " + table, Most: most})
	}
	return asof.Run{Project: project, Pipeline: p.Name, Key: string(key), Params: v, Uses: uses}
}

// writes lists the tables that runs publish.
func (p *Pipeline) writes() []string {
	var tables []string
	for _, s := range p.Steps {
		switch {
		case s.Load != nil:
			tables = append(tables, s.Load.Table.Name)
		case s.Snapshot != nil:
			tables = append(tables, s.Snapshot.Table.Name)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

package pipeline

import (
	"encoding/json"

	"github.com/asof-dev/asof"
)

// NewRun returns a run of those values, to be submitted to a store: its key is
// that of every run of the same values, and as many runs of the pipeline go on at
// once as its concurrency says, one where it says nothing.
func (p *Pipeline) NewRun(project string, v Values) asof.Run {
	key, _ := json.Marshal(v) // of texts, in the order of their names
	return asof.Run{Project: project, Pipeline: p.Name, Key: string(key), Params: v, Uses: []asof.RunUse{{Name: "pipeline " + p.Name, Most: max(p.Concurrency.Runs, 1)}}}
}

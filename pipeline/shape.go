package pipeline

import (
	"slices"
	"time"
)

// GraphStep is what runs go through as one: a step of the
// file, all checks of a table, or publishing.
type GraphStep struct {
	Name  string
	Kind  string   // the key of the file's step; "check", "publish"
	When  string   // the condition under which it is done; "" for always
	Needs []string // the names of those that it stands behind, without what follows from others
}

// Graph returns the steps that runs go through, each behind those that it needs.
// Steps with a condition are among them.
func (p *Pipeline) Graph(now time.Time) ([]GraphStep, error) {
	values, err := p.Values(p.examples(), now)
	if err != nil {
		return nil, err
	}
	r := &run{Options: Options{Pipeline: p}, values: values, asOf: values.AsOf(), loads: map[string]*LoadStep{}, skipped: map[string]bool{}}
	steps := map[string]Step{}
	for _, s := range p.Steps {
		steps[s.Name] = s
		if s.Load != nil {
			r.loads[s.Load.Table.Name] = s.Load
		}
	}
	var graph []GraphStep
	behind := map[string]map[string]bool{} // all that a step stands behind
	for _, node := range r.graph() {
		g := GraphStep{Name: node.Name, Kind: "check"}
		switch s, there := steps[node.Name]; {
		case node.Name == PublishStep:
			g.Kind = PublishStep
		case there && s.Check == nil:
			g.Kind = s.Kind
			if s.When != nil {
				g.When = s.When.String()
			}
		}
		behind[g.Name] = map[string]bool{}
		for _, need := range node.Needs {
			if !slices.ContainsFunc(node.Needs, func(other string) bool { return behind[other][need] }) {
				g.Needs = append(g.Needs, need)
			}
			behind[g.Name][need] = true
			for before := range behind[need] {
				behind[g.Name][before] = true
			}
		}
		graph = append(graph, g)
	}
	return graph, nil
}

// examples are values of the parameters that have no default.
func (p *Pipeline) examples() map[string]string {
	values := map[string]string{}
	for _, param := range p.Params {
		if param.Required {
			values[param.Name] = param.example()
		}
	}
	return values
}

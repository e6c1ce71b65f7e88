package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/asof-dev/asof"
	runner "github.com/asof-dev/asof/run"
)

// graph returns the steps of a run, in an order in which each stands behind
// those that it waits for. They go in the file's order, neighbours of one kind
// side by side; a step's needs say otherwise. What follows from the data always
// holds: a check waits for its table and is put when all that a rule may look at
// has been loaded, and publishing waits for all that was loaded and checked.
func (r *run) graph() []runner.Step {
	before, after := r.Pipeline.parts()
	g := &builder{run: r, nodes: map[string]string{}, checked: map[string]bool{}}
	for i, s := range before {
		switch {
		case r.skipped[s.Name]:
			g.skip(s)
		case s.Load != nil:
			g.add(s, r.loadNode(s), g.loadNeeds(s), g.queries)
			g.loads = append(g.loads, s.Name)
			if s.Load.Query != "" {
				g.queries = append(g.queries, s.Name)
			}
		case s.Check != nil:
			g.nodes[s.Name] = "check " + s.Check.Table
		case s.Snapshot == nil:
			g.checks(before[:i], before[i:])
			g.add(s, r.actNode(s), g.needs(s, g.names()), nil)
			g.actions = append(g.actions, s.Name)
		}
	}
	g.checks(before, nil)
	if len(g.loads)+len(r.frozen()) > 0 {
		g.steps = append(g.steps, r.publishNode(g.names()))
	}
	g.follow(after)
	return g.steps
}

// builder puts the graph together.
type builder struct {
	*run
	steps   []runner.Step
	nodes   map[string]string // by the names of the file's steps: checks of a table are one
	checked map[string]bool   // tables
	skips   []string          // nodes that are skipped
	loads   []string          // nodes so far
	queries []string
	actions []string
	aside   []string // checks that may put rows aside, which then are none for later ones
}

// names are the nodes so far that are not skipped.
func (g *builder) names() []string {
	var names []string
	for _, s := range g.steps {
		if !slices.Contains(g.skips, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// skip adds a node that is left out, and says so.
func (g *builder) skip(s Step) {
	g.nodes[s.Name] = s.Name
	if s.Check != nil || s.Snapshot != nil {
		return
	}
	g.skips = append(g.skips, s.Name)
	g.steps = append(g.steps, runner.Step{Name: s.Name, When: func(context.Context) (bool, error) {
		g.tell(StepReport{Name: s.Name, Skipped: true})
		return false, nil
	}})
}

// add adds the node of a step.
func (g *builder) add(s Step, node runner.Step, needs, after []string) {
	g.nodes[s.Name] = s.Name
	node.Name, node.Needs = s.Name, needs
	if s.Needs == nil {
		node.After = slices.DeleteFunc(slices.Clone(after), func(name string) bool { return slices.Contains(needs, name) })
	}
	node.Timeout = s.Timeout
	node.Retry = s.Retries
	g.steps = append(g.steps, node)
}

// needs returns the nodes that a step's own needs name, or what it needs where
// it says nothing.
func (g *builder) needs(s Step, usual []string) []string {
	if s.Needs == nil {
		return usual
	}
	var needs []string
	known := g.names()
	for _, name := range s.Needs {
		if node := g.nodes[name]; slices.Contains(known, node) && !slices.Contains(needs, node) {
			needs = append(needs, node)
		}
	}
	return needs
}

// loadNeeds returns what a load needs: a query may read all that was loaded.
func (g *builder) loadNeeds(s Step) []string {
	if s.Load.Query != "" {
		return g.needs(s, slices.Concat(g.loads, g.actions))
	}
	return g.needs(s, slices.Clone(g.actions))
}

// checks adds a node for each table that steps have loaded, but for those of
// which later steps check more.
func (g *builder) checks(steps, later []Step) {
	for _, s := range steps {
		if s.Load == nil || g.skipped[s.Name] || g.checked[s.Load.Table.Name] || slices.ContainsFunc(later, s.isChecked) {
			continue
		}
		g.checked[s.Load.Table.Name] = true
		node := g.checkNode(s)
		node.Needs = []string{s.Name}
		for _, c := range steps {
			if !s.isChecked(c) || g.skipped[c.Name] {
				continue
			}
			for _, need := range g.needs(c, nil) {
				if need != node.Name && !slices.Contains(node.Needs, need) {
					node.Needs = append(node.Needs, need)
				}
			}
			if node.Timeout = max(node.Timeout, c.Timeout); node.Retry.Times < c.Retries.Times {
				node.Retry = c.Retries
			}
		}
		for _, load := range g.loads {
			if !slices.Contains(node.Needs, load) {
				node.After = append(node.After, load)
			}
		}
		node.After = append(node.After, g.aside...)
		if g.Pipeline.quarantineOf(s.Load.Table.Name) != nil {
			g.aside = append(g.aside, node.Name)
		}
		g.steps = append(g.steps, node)
	}
}

// isChecked reports whether a step checks the table that this one loads.
func (s Step) isChecked(c Step) bool { return c.Check != nil && c.Check.Table == s.Load.Table.Name }

// follow adds the steps behind publishing.
func (g *builder) follow(steps []Step) {
	var earlier, group []string // all before the present neighbours of one kind, and these
	kind := ""
	for _, s := range steps {
		if s.Kind != kind {
			earlier, group, kind = append(earlier, group...), nil, s.Kind
		}
		if g.skipped[s.Name] {
			g.skip(s)
			continue
		}
		needs := g.needs(s, slices.Clone(earlier))
		if slices.ContainsFunc(g.steps, func(s runner.Step) bool { return s.Name == PublishStep }) && !slices.Contains(needs, PublishStep) {
			needs = append(needs, PublishStep)
		}
		node := g.actNode(s)
		switch {
		case s.Materialize != nil:
			node = g.materializeNode(s)
		case s.Monitor != nil:
			node = g.monitorNode(s)
		}
		g.add(s, node, needs, nil)
		group = append(group, s.Name)
	}
}

// hashOf returns a hash of values that JSON can write.
func hashOf(values ...any) (string, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// input returns a function for the hash of what a step is made from, and of what
// others have published by now, where the step looks at that.
func (r *run) input(looks bool, values ...any) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if !looks {
			return hashOf(values...)
		}
		all, err := r.Warehouse.Publications(ctx)
		if err != nil {
			return "", err
		}
		newest := asof.Publication{}
		if at := slices.IndexFunc(all, func(p asof.Publication) bool { return p.ID != r.id }); at >= 0 {
			newest = all[at]
		}
		return hashOf(append(slices.Clone(values), newest.ID, newest.At, newest.Undone)...)
	}
}

func (r *run) loadNode(s Step) runner.Step {
	table := s.Load.Table.Name
	node := runner.Step{Do: r.step(s.Name, func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
		problems, err := r.load(ctx, s, a, report)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || len(problems) > 0 {
			r.failed[table] = true
		} else {
			delete(r.failed, table)
		}
		return problems, err
	})}
	if s.Load.Query != "" {
		node.Input = r.input(true, s.Load, r.values.fillSQL(s.Load.Query))
	} else {
		node.Input = func(context.Context) (string, error) {
			files, err := r.find(s)
			if err != nil {
				return "", err
			}
			content, err := files.Content()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.contents[table] = content
			return content, err
		}
	}
	node.Stands = func(ctx context.Context) (bool, error) {
		stage, err := r.staging(ctx)
		if err != nil {
			return false, err
		}
		staged, err := stage.Staged(ctx)
		there, ok := staged[table]
		r.mu.Lock()
		defer r.mu.Unlock()
		return ok && (s.Load.Query != "" || there.Content == r.contents[table]), err
	}
	return node
}

func (r *run) checkNode(load Step) runner.Step {
	name := "check " + load.Load.Table.Name
	return runner.Step{Name: name, Input: r.input(true, r.rules(load), r.Pipeline.profiles(load.Load.Table.Name), r.Pipeline.quarantineOf(load.Load.Table.Name)),
		Do: r.step(name, func(ctx context.Context, _ *runner.Attempt, report *StepReport) (asof.Problems, error) {
			return r.check(ctx, load, report)
		})}
}

func (r *run) actNode(s Step) runner.Step {
	return runner.Step{Input: r.input(false, s.Command, s.HTTP, s.Notify, s.TrainingSet, r.values),
		Do: r.step(s.Name, func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
			return nil, r.act(ctx, s, r.values, func(line string) { a.Log("info", line) }, report)
		})}
}

package ondemand

import (
	"sync"

	"github.com/asof-dev/asof"
)

// Programs are the programs of a project's on-demand views, each made when it is
// first needed, for one state of the registry after the other. They are safe for
// concurrent use.
type Programs struct {
	Workers *Workers // Python processes for what cannot be run here; may be nil

	making  sync.Mutex
	version string // of the registry
	known   map[string]*Program
}

// Of returns the program of a view of a snapshot. A function that cannot be run
// is CodeInvalid, with the reason.
func (p *Programs) Of(s *asof.Snapshot, v *asof.OnDemandFeatureView) (*Program, error) {
	p.making.Lock()
	defer p.making.Unlock()
	if p.known == nil || p.version != s.Version {
		p.version, p.known = s.Version, map[string]*Program{}
	}
	if program := p.known[v.Name]; program != nil {
		return program, nil
	}
	program, err := Compile(v, Options{Keys: KeysIn(s, v), Workers: p.Workers})
	if err != nil {
		return nil, err
	}
	if program.How() == Nowhere {
		return nil, asof.Errorf(asof.CodeInvalid, "%w", program.Reason())
	}
	p.known[v.Name] = program
	return program, nil
}

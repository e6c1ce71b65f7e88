package cli

import (
	"context"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
)

// places finds out where definitions stand in the files of a repository. They
// are read when they have changed, beside the pages: a page shows what was read
// last, and only the first one waits a moment.
type places struct {
	config *definition.Config

	mu      sync.Mutex
	known   map[asof.Ref]asof.Place
	looked  time.Time
	reading chan struct{} // closed when what goes on is read; nil where nothing does
	stamp   string        // of the files that were read
}

const (
	placesLooked = 2 * time.Second // how often the files are looked at
	placesWait   = time.Second     // that the first page waits
)

// find returns the places. Files that cannot be read now give none.
func (p *places) find(ctx context.Context) map[asof.Ref]asof.Place {
	p.mu.Lock()
	if p.reading == nil && time.Since(p.looked) >= placesLooked {
		p.looked, p.reading = time.Now(), make(chan struct{})
		go p.read(p.reading)
	}
	known, reading := p.known, p.reading
	p.mu.Unlock()
	if known != nil || reading == nil {
		return known
	}
	select {
	case <-reading:
	case <-ctx.Done():
	case <-time.After(placesWait):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// read reads the files if they have changed.
func (p *places) read(done chan struct{}) {
	found := map[asof.Ref]asof.Place{}
	stamp, err := definition.Stamp(p.config)
	if err == nil && stamp == p.stamp { // which only this goroutine changes
		found = p.known
	} else if err == nil {
		result, err := definition.Load(context.Background(), p.config)
		if err == nil {
			for _, o := range result.Objects {
				found[asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}] = asof.MetaOf(o).Place
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.stamp, p.reading = found, stamp, nil
	close(done)
}

package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

// setPage is the page of one training set.
type setPage struct {
	historical.Set
	Name     string              `json:"name"`
	Reads    []link              `json:"reads"` // views, and the service that was asked for
	Changes  []string            `json:"changes"`
	Preview  *historical.Preview `json:"preview,omitempty"`
	Wrong    *setTrouble         `json:"wrong,omitempty"`
	More     int                 `json:"more"` // columns that are left off the page
	Readable bool                `json:"readable"`
	Acts     bool                `json:"-"`
	Shown    []receipt.Column    `json:"-"`
}

// setTrouble says why a part of the page is missing.
type setTrouble struct {
	Changes string `json:"changes,omitempty"`
	Preview string `json:"preview,omitempty"`
}

func (p *setPage) title() string { return p.Name }

// Where says where the set is.
func (p *setPage) Where() string { return whereOf(p.Set) }

// Path returns the address of the page.
func (p *setPage) Path() string { return setPath(p.ID) }

// There reports whether the rows can be read.
func (p *setPage) There() bool { return p.State == receipt.There }

// sourcesWithin is how long a page waits for what the sources hold now.
const sourcesWithin = 3 * time.Second

// set shows a training set.
func set(ctx context.Context, c *Console, r *request) (any, error) {
	found, err := c.set(ctx, r)
	if err != nil {
		return nil, err
	}
	p := &setPage{Set: found, Name: nameOf(found), Wrong: &setTrouble{}, Shown: found.Columns}
	if n := len(p.Shown); n > pageLimit {
		p.Shown, p.More = p.Shown[:pageLimit], n-pageLimit
	}
	if service := found.Request.Service; r.snapshot.Object(asof.KindService, service) != nil {
		p.Reads = append(p.Reads, link{kindWords[asof.KindService], service})
	}
	for _, name := range historical.ViewsOf(r.snapshot, found.Receipt) {
		if r.snapshot.Object(asof.KindFeatureView, name) != nil {
			p.Reads = append(p.Reads, link{kindWords[asof.KindFeatureView], name})
		}
	}
	if err := c.o.Training.Readable(ctx, found.Receipt); err != nil {
		p.Wrong.Preview = err.Error()
		withheld := *found.Receipt // a query may hold values
		withheld.Request.Entities.SQL, withheld.Request.Entities.JSON = "", ""
		p.Receipt = &withheld
		return p, nil
	}
	p.Readable, p.Acts = true, c.orders(r)
	if p.Preview, err = c.o.Training.Preview(ctx, found); err != nil {
		p.Wrong.Preview = c.told(r.Request, err)
	}
	within, cancel := context.WithTimeout(ctx, sourcesWithin)
	defer cancel()
	if p.Changes, err = c.o.Training.Changed(within, found.Receipt); errors.Is(err, context.DeadlineExceeded) {
		p.Wrong.Changes = r.say("set.slow")
	} else if err != nil {
		p.Wrong.Changes = c.told(r.Request, err)
	}
	return p, nil
}

// set finds the set of a request, which the caller may know of.
func (c *Console) set(ctx context.Context, r *request) (historical.Set, error) {
	if c.o.Training == nil {
		return historical.Set{}, errNoTraining
	}
	id := r.PathValue("id")
	found, err := c.o.Training.Find(ctx, id)
	if err == nil && !c.sees(r, found) {
		return found, asof.Errorf(asof.CodeNotFound, "there is no training set %.60q", id)
	}
	return found, err
}

// told is the sentence of what failed on a part of a page. What is nobody's
// mistake is told to the log alone, as fail does.
func (c *Console) told(r *http.Request, err error) string {
	if _, known := statuses[asof.ErrorCode(err)]; known {
		return err.Error()
	}
	c.o.Log.Error("a part of a page failed", "path", r.URL.Path, "error", err)
	return "the server failed; its log says why"
}

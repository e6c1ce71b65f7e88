package console

import (
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// trainingPage is the list of the training sets.
type trainingPage struct {
	Sets  []setLine        `json:"training_sets"` // newest first
	More  int              `json:"more"`          // older ones that are not shown
	Jobs  []historical.Job `json:"jobs"`          // what is under way, or was a while ago
	Wrong []string         `json:"wrong,omitempty"`
	Acts  bool             `json:"-"`
}

// setLine is a training set in the list.
type setLine struct {
	historical.Set
	Path string `json:"-"`
}

// setsAtOnce is how many sets the list shows.
const setsAtOnce = 100

// training lists the training sets.
func training(ctx context.Context, c *Console, r *request) (any, error) {
	if c.o.Training == nil {
		return nil, errNoTraining
	}
	list, more, wrong, err := c.o.Training.List(ctx, setsAtOnce)
	if err != nil {
		return nil, err
	}
	p := &trainingPage{More: more, Jobs: c.jobs(r), Acts: c.orders(r)}
	for _, set := range list {
		if c.sees(r, set) {
			p.Sets = append(p.Sets, setLine{set, setPath(set.ID)})
		}
	}
	for _, err := range wrong {
		p.Wrong = append(p.Wrong, err.Error())
	}
	return p, nil
}

var errNoTraining = asof.Errorf(asof.CodeUnavailable, "this console shows no training sets")

// sees reports whether the caller may know of a set: all of what it was made from.
func (c *Console) sees(r *request, set historical.Set) bool {
	if c.o.Guard == nil {
		return true
	}
	for _, name := range historical.ViewsOf(r.snapshot, set.Receipt) {
		if r.snapshot.Object(asof.KindFeatureView, name) == nil {
			return false
		}
	}
	return true
}

func setPath(id string) string { return "/training/set/" + url.PathEscape(id) }

// Where says where a set is: its file, as the repository names it, or its table.
func (l setLine) Where() string { return whereOf(l.Set) }

func whereOf(set historical.Set) string {
	if set.Table != "" {
		return set.Table
	}
	return set.Output
}

// nameOf is what people call a set: the folder of one that a console made, else
// its file or table without the ending.
func nameOf(set historical.Set) string {
	if set.Table != "" {
		return set.Table
	}
	if folder, file := path.Split(set.Output); file == historical.SetFile {
		return path.Base(folder)
	}
	return strings.TrimSuffix(path.Base(set.Output), path.Ext(set.Output))
}

// Name is what people call the set.
func (l setLine) Name() string { return nameOf(l.Set) }

// Features says which features the set has, in a few words.
func (l setLine) Features() string {
	if service := l.Request.Service; service != "" {
		return service
	}
	some := l.Request.Features
	if len(some) > 3 {
		return strings.Join(some[:3], ", ") + ", …"
	}
	return strings.Join(some, ", ")
}

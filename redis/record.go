package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// record is what the store knows of a project: the views that Update has seen.
// It is one hash: a field for each view, and one without a name for the
// revision, a new text with every change. Every read asks for the revision, so
// what is kept here is never out of date for longer than that.
type record struct {
	revision string
	shared   bool      // Feast filled the project: views that are not here may have rows too
	until    time.Time // of a project without a record: when Feast's rows are looked for again
	views    map[string]*view
	width    map[string]int // by join keys: how many fields a hash of all their views has
}

// view is one view of the record.
type view struct {
	*value.Schema
	// Removed are features whose values are being removed from the hashes, and
	// Dropped a view whose rows are. An Update that died left them here; the
	// next one goes on.
	Removed []string `json:"removed,omitempty"`
	Dropped bool     `json:"dropped,omitempty"`

	time   string            // the field of the event time
	fields map[string]string // by feature
}

func recordKey(project string) string { return "asof:online:" + project }

// joinKeys returns the names of the view's join keys in order.
func (v *view) joinKeys() []string { return slices.Sorted(maps.Keys(v.Keys)) }

// field returns the field of a feature, which the record may not know yet:
// Feast may have written it.
func (r *record) field(view, feature string) string {
	if r != nil {
		if v := r.views[view]; v != nil {
			if f, ok := v.fields[feature]; ok {
				return f
			}
		}
	}
	return valueField(view, feature)
}

// time returns the field of a view's event time.
func (r *record) time(view string) string {
	if r != nil {
		if v := r.views[view]; v != nil {
			return v.time
		}
	}
	return timeField(view)
}

// find returns what is known of a view, nil where it has no place here.
func (r *record) find(v *asof.FeatureView) *view {
	if !r.has(v.Name) {
		return nil
	}
	if known := r.views[v.Name]; known != nil {
		return known
	}
	return newView(v)
}

// has reports whether a view has a place here: Update saw it and is not removing
// it, or Feast fills it.
func (r *record) has(name string) bool {
	if v := r.views[name]; v != nil {
		return !v.Dropped
	}
	return r.shared
}

// current reports whether the record is still that of the revision. Whether
// Feast has filled the project meanwhile tells no revision.
func (r *record) current(revision string) bool {
	return r.revision == revision && (revision != "" || r.shared || time.Now().Before(r.until))
}

// load reads the record of a project; one that does not exist is empty.
func (o *Online) load(ctx context.Context, c rueidis.Client, project string) (*record, error) {
	pairs, err := c.Do(ctx, c.B().Hgetall().Key(recordKey(project)).Build()).AsStrMap()
	if err != nil {
		return nil, o.wrongType(recordKey(project), err)
	}
	if len(pairs) == 0 {
		return o.lookForRows(ctx, c, project)
	}
	r := &record{revision: pairs[""], views: map[string]*view{}, width: map[string]int{}}
	r.shared = strings.HasPrefix(r.revision, sharedRevision)
	delete(pairs, "")
	for name, text := range pairs {
		v := &view{Schema: &value.Schema{}, time: timeField(name), fields: map[string]string{}}
		if err := json.Unmarshal([]byte(text), v); err != nil {
			return nil, asof.Errorf(asof.CodeInternal, "the key %q in Redis at %s is damaged: %w; remove it (DEL), and run `asof apply`", recordKey(project), o.where, err)
		}
		for feature := range v.Columns {
			v.fields[feature] = valueField(name, feature)
		}
		r.views[name] = v
		r.width[strings.Join(v.joinKeys(), "\x00")] += 1 + len(v.Columns)
	}
	o.records.Store(project, r)
	return r, nil
}

// known returns the record as it was last read, nil where it never was.
func (o *Online) known(project string) *record {
	r, _ := o.records.Load(project)
	known, _ := r.(*record)
	return known
}

// current returns the record as it is now.
func (o *Online) current(ctx context.Context, c rueidis.Client, project string) (*record, error) {
	if r := o.known(project); r != nil {
		revision, err := c.Do(ctx, c.B().Hget().Key(recordKey(project)).Field("").Build()).ToString()
		switch {
		case rueidis.IsRedisNil(err):
			revision = ""
		case err != nil:
			return nil, o.wrongType(recordKey(project), err)
		}
		if r.current(revision) {
			return r, nil
		}
	}
	return o.load(ctx, c, project)
}

// change puts views into the record; a nil one goes. It reports whether nobody
// has changed the record since r was read.
func (o *Online) change(ctx context.Context, c rueidis.Client, project string, r *record, views map[string]*view) (bool, error) {
	args := []string{r.revision, rand.Text()}
	if r.shared {
		args[1] = sharedRevision + args[1]
	}
	for _, name := range slices.Sorted(maps.Keys(views)) {
		text := ""
		if v := views[name]; v != nil {
			b, err := json.Marshal(v)
			if err != nil {
				return false, asof.Errorf(asof.CodeInternal, "view %q cannot be written down: %w", name, err)
			}
			text = string(b)
		}
		args = append(args, name, text)
	}
	changed, err := c.Do(ctx, c.B().Eval().Script(recordScript.text).Numkeys(1).Key(recordKey(project)).Arg(args...).Build()).ToInt64()
	return changed == 1, o.wrongType(recordKey(project), err)
}

func (o *Online) unknown(project, view string) error {
	return asof.Errorf(asof.CodeNotFound, "the online store in Redis at %s does not know feature view %q of project %q; run `asof apply`", o.where, view, project)
}

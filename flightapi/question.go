package flightapi

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// question is what a call asks: the objects whose history it reads, and how it
// is answered. The reader is the caller's, and the upload outlives it.
type question struct {
	touching
	ask func(context.Context) (array.RecordReader, error)
}

// reading resolves a question.
func (s *service) reading(ctx context.Context, c *command, up *upload) (*question, error) {
	switch c.API {
	case apiHistorical:
		return s.historical(ctx, c, up)
	case apiPullLatest:
		return s.pull(ctx, c, s.latest)
	case apiPullAll:
		return s.pull(ctx, c, s.all)
	case apiColumns:
		return s.columns(ctx, c)
	}
	return nil, asof.Errorf(asof.CodeInvalid, "%q is not a question; send it by DoPut", c.API)
}

// historical asks for features as of the entity rows' times.
func (s *service) historical(ctx context.Context, c *command, up *upload) (*question, error) {
	snapshot, err := s.Registry.Snapshot(ctx, c.Project)
	if err != nil {
		return nil, err
	}
	q := &question{touching: touching{snapshot: snapshot}}
	request := historical.Request{Snapshot: snapshot, Store: s.Store, References: c.References, FullNames: c.FullNames, Workers: s.Workers, Dir: s.Dir,
		Aliases: aliases(snapshot, c.References)}
	var views []*asof.FeatureView
	for i, name := range c.Views {
		v, err := view(snapshot, name, c.Project)
		if err != nil {
			return nil, err
		}
		if alias := c.Aliases[i]; alias != nil {
			if _, ok := request.Aliases[*alias]; !ok && *alias != name {
				request.Aliases[*alias] = asof.Projection{View: name, Alias: *alias}
			}
		}
		views = append(views, v)
		q.read = append(q.read, v)
	}
	if err := q.needs(s.Guard, request, c.SQL); err != nil {
		return nil, err
	}
	request.Entities = entities(c, up, views)
	q.ask = func(ctx context.Context) (array.RecordReader, error) {
		if store, ok := s.Store.(asof.TableReader); ok && request.Entities.SQL != "" {
			if err := store.ReadsTables(ctx, request.Entities.SQL); err != nil {
				return nil, err
			}
		}
		if request.Entities.SQL == "" && request.Entities.Events == nil {
			request.Entities.Records = up.rows(nil)
		}
		return historical.Records(ctx, request)
	}
	return q, nil
}

func view(s *asof.Snapshot, name, project string) (*asof.FeatureView, error) {
	if s.Project() == nil {
		return nil, raise("FeatureViewNotFoundException", "feature view %q does not exist: nothing was applied to project %q", name, project)
	}
	v, err := s.View(name)
	return v, called("FeatureViewNotFoundException", err)
}

// aliases finds what references mean that name no view: a projection of a
// feature service.
func aliases(s *asof.Snapshot, references []string) map[string]asof.Projection {
	found := map[string]asof.Projection{}
	for _, text := range references {
		ref, err := asof.ParseReference(text)
		if err != nil || s.Object(asof.KindFeatureView, ref.View) != nil || s.Object(asof.KindOnDemandView, ref.View) != nil {
			continue // whose mistakes are found later
		}
		for _, service := range s.Services() {
			for _, p := range service.Projections {
				if p.Alias == ref.View {
					found[ref.View] = p
				}
			}
		}
	}
	return found
}

// defaultSpan is how far back rows of the views' own go where the caller does not
// say, and no view has a ttl; as in Feast.
const defaultSpan = 30 * 24 * time.Hour

// entities are the entity rows: SQL, the rows sent (left to be filled in), or
// the views' own of a span of time.
func entities(c *command, up *upload, views []*asof.FeatureView) historical.Entities {
	if !up.none() {
		return historical.Entities{}
	}
	if c.SQL != "" {
		return historical.Entities{SQL: c.SQL}
	}
	e := &asof.Events{To: time.Now().UTC().Truncate(time.Microsecond)}
	if c.End != nil {
		e.To = time.Time(*c.End)
	}
	if c.Start != nil {
		e.From = time.Time(*c.Start)
		return historical.Entities{Events: e}
	}
	span := time.Duration(0)
	for _, v := range views {
		span = max(span, v.MaxAge())
	}
	if span == 0 {
		span = defaultSpan
	}
	e.From = e.To.Add(-span)
	return historical.Entities{Events: e}
}

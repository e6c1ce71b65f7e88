package registryrest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/permission"
)

// Visits are kept in memory: the newest of each visitor and project, and of so
// many of those.
const (
	visitsKept   = 100
	visitorsKept = 1000
)

// anonymous is a visitor whom nobody knows.
const anonymous = "anonymous"

// visitor is somebody who looks at a project.
type visitor struct{ user, project string }

// visit is one look at an object, in Feast's words.
type visit struct {
	Path      string `json:"path"`
	Timestamp string `json:"timestamp"`
	Project   string `json:"project"`
	User      string `json:"user"`
	Object    string `json:"object"` // the kind: "entities"
	Name      string `json:"object_name"`
	Method    string `json:"method"`
}

// visits are what was looked at, the oldest first.
type visits struct {
	mu sync.Mutex
	of map[visitor][]visit
}

// note keeps a visit, where the route is of those that are kept.
func (v *visits) note(c *call, by route) {
	r := c.request
	if by.visited == "" || r.Method != http.MethodGet {
		return
	}
	who := visitor{c.user(), cmp.Or(c.values.text("project"), c.Project)}
	seen := visit{prefix + r.URL.Path, time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00"), who.project, who.user, by.visited, r.PathValue("name"), r.Method}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == nil {
		v.of = map[visitor][]visit{}
	}
	list := append(v.of[who], seen)
	v.of[who] = list[max(0, len(list)-visitsKept):]
	if len(v.of) > visitorsKept {
		delete(v.of, slices.MinFunc(slices.Collect(maps.Keys(v.of)), func(a, b visitor) int {
			return strings.Compare(v.of[a][len(v.of[a])-1].Timestamp, v.of[b][len(v.of[b])-1].Timestamp)
		}))
	}
}

// user is the name of the caller.
func (c *call) user() string {
	if u := permission.Caller(c.ctx); u != nil {
		return u.Name
	}
	return anonymous
}

// by returns a visitor's visits.
func (v *visits) by(who visitor) []visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.of[who])
}

func visitRoute() route {
	return route{method: "GET", path: "/metrics/recently_visited", summary: "The objects that were looked at last, since the server started",
		parameters: append([]parameter{ofProject, {name: "object", about: "Objects of this kind: entities, feature_views, …"}}, listed[1:]...),
		reply:      refTo("Visits"), answer: recentlyVisited}
}

// recentlyVisited answers the visits to a project, the oldest first, or to all
// that the caller may see, the newest first.
func recentlyVisited(c *call) (any, error) {
	list, err := c.recent(c.values.text("project"))
	if err != nil {
		return nil, err
	}
	if kind := c.values.text("object"); kind != "" {
		list = slices.DeleteFunc(list, func(v visit) bool { return v.Object != kind })
	}
	if by := c.values.text("sort_by"); by != "" {
		slices.SortStableFunc(list, func(a, b visit) int {
			if c.values.text("sort_order") == "desc" {
				a, b = b, a
			}
			return strings.Compare(a.attribute(by), b.attribute(by))
		})
	}
	asked := c.values.page()
	if asked.Page == 0 && asked.Limit == 0 {
		return object{{"visits", list}, {"pagination", object{{"totalCount", len(list)}}}}, nil
	}
	shown, about := cut(list, &pb.PaginationParams{Page: cmp.Or(asked.Page, 1), Limit: cmp.Or(asked.Limit, 50)})
	return object{{"visits", shown}, {"pagination", about}}, nil
}

func (c *call) recent(project string) ([]visit, error) {
	if project != "" {
		_, err := c.registry.GetProject(c.ctx, &pb.GetProjectRequest{Name: project})
		if err != nil && status.Code(err) != codes.NotFound {
			return nil, err
		}
		return append([]visit{}, c.visits.by(visitor{c.user(), project})...), nil
	}
	projects, err := c.projects()
	all := []visit{}
	for _, p := range projects {
		all = append(all, c.visits.by(visitor{c.user(), p.GetSpec().GetName()})...)
	}
	slices.SortStableFunc(all, func(a, b visit) int { return strings.Compare(b.Timestamp, a.Timestamp) })
	return all[:min(len(all), visitsKept)], err
}

// attribute returns what a visit can be sorted by, "" for what it has not.
func (v visit) attribute(name string) string {
	return map[string]string{"path": v.Path, "timestamp": v.Timestamp, "project": v.Project, "user": v.User,
		"object": v.Object, "object_name": v.Name, "method": v.Method}[name]
}

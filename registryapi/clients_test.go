package registryapi_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/storetest"
)

// clientSeconds is for how long the tests of clients run: a minute in `make
// test-all`.
func clientSeconds(t *testing.T, usual int) int {
	seconds, err := strconv.Atoi(cmp.Or(os.Getenv("ASOF_TEST_CLIENT_SECONDS"), strconv.Itoa(usual)))
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// TestEightClients lets eight clients of Feast, each a process, apply to
// registries of each kind at once, while some are killed and Feast's own
// processes write to the SQL registries beside the server: nothing that was
// answered is lost, and of an apply there is all or nothing.
func TestEightClients(t *testing.T) {
	servers := map[string]*process{}
	for name, place := range places(t) {
		servers[name] = startProcess(t, place)
	}
	c := startClients(t, servers, clientSeconds(t, 5), "kill")
	c.wait(t)
	c.check(t, servers)
}

// TestKilledServers kills the servers, over and over, while clients apply: what
// was answered is there, of what was not there is all or nothing, and clients go
// on.
func TestKilledServers(t *testing.T) {
	servers := map[string]*process{}
	for name, place := range places(t) {
		servers[name] = startProcess(t, place)
	}
	seconds := clientSeconds(t, 8)
	c := startClients(t, servers, seconds)
	c.begun(t)
	for until := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(until); {
		for _, server := range servers {
			time.Sleep(400 * time.Millisecond)
			server.kill(t)
			server.start(t)
		}
	}
	c.wait(t)
	c.check(t, servers)
}

// clients are processes of Feast's SDK that apply.
type clients struct {
	dir   string
	ended chan []byte
}

// startClients starts eight clients of servers, and those of Feast's own.
func startClients(t *testing.T, servers map[string]*process, seconds int, options ...string) *clients {
	t.Helper()
	registries := map[string]string{}
	for name, server := range servers {
		registries[name] = "{registry_type: remote, path: '" + server.address + "'}"
		if sql := strings.Replace(server.place, "postgres://", "postgresql+psycopg://", 1); name != "file" {
			registries["direct"+name] = "{registry_type: sql, path: '" + sql + "', cache_ttl_seconds: 0}"
		}
		client, conn := dial(t, server.address)
		_, err := client.ApplyFeatureView(t.Context(), &pb.ApplyFeatureViewRequest{Project: project, Commit: true,
			BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: plainView("shared")}})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	text, err := json.Marshal(registries)
	if err != nil {
		t.Fatal(err)
	}
	c := &clients{dir: t.TempDir(), ended: make(chan []byte)}
	args := append([]string{filepath.Join("testdata", "clients.py"), c.dir, strconv.Itoa(seconds), string(text)}, options...)
	go func() {
		defer close(c.ended)
		c.ended <- storetest.RunPython(t, runFile, args...)
	}()
	return c
}

// begun waits until a client was answered.
func (c *clients) begun(t *testing.T) {
	t.Helper()
	for !strings.Contains(strings.Join(c.log(t), "\n"), " span ") {
		time.Sleep(50 * time.Millisecond)
	}
}

// log returns the lines that the clients have written.
func (c *clients) log(t *testing.T) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "log", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	return lines
}

func (c *clients) wait(t *testing.T) {
	t.Helper()
	for out := range c.ended {
		t.Logf("%s processes", strings.TrimSpace(string(out)))
	}
}

// check holds what the clients were answered against the registries.
func (c *clients) check(t *testing.T, servers map[string]*process) {
	t.Helper()
	answered := map[string]map[string][]string{} // what was done, by registry and kind
	for _, line := range c.log(t) {
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 { // the last line of a client that was killed
			continue
		}
		name := strings.TrimPrefix(words[0], "direct")
		if name != words[0] && words[1] == "began" {
			continue // Feast writes the parts of an apply one by one
		}
		if answered[name] == nil {
			answered[name] = map[string][]string{}
		}
		answered[name][words[1]] = append(answered[name][words[1]], words[2])
	}
	for name, server := range servers {
		checkRegistry(t, name, server, answered[name])
	}
}

func checkRegistry(t *testing.T, name string, server *process, answered map[string][]string) {
	t.Helper()
	registry, err := storeAt(t, server.place).Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	index := feastregistry.NewIndex(registry)
	parts := map[string]string{"data_sources": "d", "entities": "e", "feature_views": "v", "feature_services": "s"}
	there := func(group string) (n int) {
		for field, prefix := range parts {
			if index.Object(project, field, prefix+group) != nil {
				n++
			}
		}
		return n
	}
	for _, group := range answered["group"] {
		if n := there(group); n != len(parts) {
			t.Errorf("%s: of group %s, which was answered, %d objects are there", name, group, n)
		}
	}
	for _, group := range answered["began"] {
		if n := there(group); n != 0 && n != len(parts) {
			t.Errorf("%s: of group %s %d objects are there", name, group, n)
		}
	}
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, span := range answered["span"] {
		view, day, _ := strings.Cut(span, " ")
		n, err := strconv.Atoi(day)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := index.Object(project, "feature_views", view).(*core.FeatureView)
		if !covered(m, first.AddDate(0, 0, n)) {
			t.Errorf("%s: a span of %s, which was answered, is not recorded: day %d", name, view, n)
		}
	}
	client, _ := dial(t, server.address)
	served, err := client.Proto(t.Context(), &emptypb.Empty{})
	if err != nil || len(served.FeatureViews) != len(registry.FeatureViews) {
		t.Errorf("%s: %d views are served (%v), and %d registered", name, len(served.GetFeatureViews()), err, len(registry.FeatureViews))
	}
	t.Logf("%s: %d applies and %d spans were answered, %d calls failed", name, len(answered["group"]), len(answered["span"]), len(answered["failed"]))
	if len(answered["group"]) < 8 || len(answered["span"]) < 8 {
		t.Errorf("%s: the clients have applied %d groups and %d spans", name, len(answered["group"]), len(answered["span"]))
	}
}

// covered reports whether the day is recorded.
func covered(v *core.FeatureView, day time.Time) bool {
	for _, i := range v.GetMeta().GetMaterializationIntervals() {
		if !i.StartTime.AsTime().After(day) && !i.EndTime.AsTime().Before(day.AddDate(0, 0, 1)) {
			return true
		}
	}
	return false
}

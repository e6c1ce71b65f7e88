package answerlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

// feastReads opens the repository with Feast, and prints the columns that a file
// of Feast's logs of a service has, those of our files, their rows, and what
// Feast's monitoring finds in them.
const feastReads = `
import io, json, sys
import pyarrow.dataset, pyarrow.parquet
from feast import FeatureStore
from feast.feature_logging import FeatureServiceLoggingSource
from feast.monitoring.monitoring_service import MonitoringService
store = FeatureStore(repo_path=sys.argv[1])
service = store.get_feature_service("logged")
path = sys.argv[1] + "/" + service.logging_config.destination.path
table = pyarrow.dataset.dataset(path, format="parquet").to_table()
source, time, fields, columns = MonitoringService(store)._resolve_log_source(service)
file = io.BytesIO()
pyarrow.parquet.write_table(FeatureServiceLoggingSource(service, store.project).get_schema(store.registry).empty_table(), file)
written = pyarrow.parquet.read_table(file)
print(json.dumps({
    "expected": [[f.name, str(f.type)] for f in written.schema],
    "schema": [[f.name, str(f.type)] for f in table.schema],
    "rows": json.loads(table.to_pandas().drop(columns=["__request_id", "raw" if "raw" in table.column_names else "profile__raw"]).to_json(orient="records", date_format="iso")),
    "requests": len(set(table["__request_id"].to_pylist())),
    "fields": sorted(columns),
}, ensure_ascii=False))
`

// A service is logged as its logging_config says: Feast finds the columns that
// it expects, in its types, in its order, and the rows that were served.
func TestFeastReadsServiceLogs(t *testing.T) {
	s := open(t, answerlog.Options{Services: true})
	s.ask(service("logged"), texts("user_id", "ann", "bob"), texts("friend_id", "bob", "nobody"), texts("factor", "2", "3"))
	s.ask(serving.Selection{Service: "logged", FullNames: true}, texts("friend_id", "ann"), texts("user_id", "nobody"), texts("factor", "2"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.log.Counts(), (answerlog.Counts{Written: 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	registry := registryfile.Open(filepath.Join(s.dir, "registry.db"), nil)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: objects()}); err != nil {
		t.Fatal(err)
	}
	yaml := "project: " + project + "\nprovider: local\nregistry: registry.db\nonline_store: {type: sqlite, path: online.db}\noffline_store: {type: file}\nentity_key_serialization_version: 3\n"
	if err := os.WriteFile(filepath.Join(s.dir, "feature_store.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Expected, Schema [][2]string
		Rows             []map[string]any
		Requests         int
		Fields           []string
	}
	out := storetest.RunPython(t, feastReads, s.dir)
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !cmp.Equal(got.Schema, got.Expected) {
		t.Errorf("the columns are not Feast's (-want +got):\n%s", cmp.Diff(got.Expected, got.Schema))
	}
	if got.Requests != 2 || len(got.Rows) != 3 {
		t.Fatalf("%d rows of %d requests, want 3 of 2", len(got.Rows), got.Requests)
	}
	first := map[string]any{"user_id": "ann", "friend_id": "bob", "factor": 2.0, "profile__age": 30.0, "profile__age__status": 1.0, "profile__age__timestamp": "2024-01-01T00:00:00.000Z",
		"profile__plan": "gold", "profile__since": "2020-02-29T12:00:00.000", "profile__gold": true, "profile__numbers": []any{1.0, 2.0}, "friend__hours": 2.5, "friend__hours__status": 4.0,
		"scaled__x": 3.0, "scaled__x__status": 1.0, "__log_timestamp": "2024-01-05T12:00:00.250Z"}
	for name, want := range first {
		if value := got.Rows[0][name]; !cmp.Equal(value, want) {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if last := got.Rows[2]; last["user_id"] != "nobody" || last["friend__hours"] != 1.5 || last["profile__age"] != nil || last["profile__age__status"] != 3.0 {
		t.Errorf("the last row is %v", last)
	}
	if !cmp.Equal(got.Fields[:2], []string{"friend__hours", "profile__age"}) {
		t.Errorf("Feast's monitoring takes %v for features", got.Fields)
	}
}

// What has no logging_config, or none that can be done, goes by view; columns of
// services divide their folder.
func TestPlaces(t *testing.T) {
	var warnings bytes.Buffer
	s := open(t, answerlog.Options{Services: true, Rate: 1, Log: slog.New(slog.NewTextHandler(&warnings, nil))})
	for range 3 { // services that share a folder have files of their own
		s.ask(service("by_day"), texts("user_id", "ann"))
		s.ask(service("beside"), texts("user_id", "ann"))
	}
	for _, name := range []string{"unlogged", "elsewhere", "by_mistake", "elsewhere"} {
		s.ask(service(name), texts("user_id", "ann"))
	}
	s.ask(serving.Selection{Features: []string{"scaled:x"}}, texts("user_id", "ann"), texts("factor", "2"))
	s.ask(serving.Selection{Features: []string{"profile:age", "usage:hours"}}, texts("user_id", "ann", "bob"))
	s.ask(service("unlogged"), serving.Column{Name: "user_id"})
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]int{"logs/by_day/2024-01-05": 2, "logs": 2, "answers/usage": 1, "answers/profile": 1, "answers/scaled": 1, "answers": 3} {
		if files := s.files(folder); len(files) != want {
			t.Errorf("%s holds %v, want %d", folder, files, want)
		}
	}
	if got := s.log.Counts(); got.Written != 6+4+1+4 || got.Dropped+got.Failed != 0 {
		t.Errorf("counted %+v", got)
	}
	for _, want := range []string{`\"elsewhere\" are not logged as its logging_config says`, "not on this machine", `no column \"town\"`} {
		if n := strings.Count(warnings.String(), want); n != 1 {
			t.Errorf("%s stands %d times in\n%s", want, n, &warnings)
		}
	}
}

// Without join keys the features are described all the same.
func TestKeyless(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 1, Keyless: true})
	s.ask(service("unlogged"), texts("user_id", "ann", "bob"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	files := s.files("answers/usage")
	if len(files) != 1 {
		t.Fatalf("there are %v", files)
	}
	if text, err := os.ReadFile(files[0]); err != nil || bytes.Contains(text, []byte("user_id")) || bytes.Contains(text, []byte("ann")) {
		t.Errorf("a join key is in %s (%v)", files[0], err)
	}
	if p := s.profiles(t.Context(), usage, asof.ProfileQuery{})["hours"]; p.Rows != 2 || p.Nulls != 1 {
		t.Errorf("%+v", p)
	}
}

// Nothing is logged that was not asked to be: without a rate, and of services
// where that is off.
func TestOff(t *testing.T) {
	s := open(t, answerlog.Options{})
	s.ask(service("logged"), texts("user_id", "ann"), texts("friend_id", "bob"), texts("factor", "2"))
	s.ask(service("unlogged"), texts("user_id", "ann"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if files := s.files("."); len(files) > 0 || s.log.Counts() != (answerlog.Counts{}) {
		t.Errorf("there are %v", files)
	}
}

// About the share of the answers that was asked for is there, whole ones.
func TestSample(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 0.1})
	const requests = 5000
	for range requests {
		s.ask(service("unlogged"), texts("user_id", "ann", "bob"))
	}
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	c := s.log.Counts()
	if rows := c.Written + c.Dropped; rows%2 != 0 || rows < requests/5*7/10 || rows > requests/5*13/10 { // six standard deviations
		t.Errorf("counted %+v of %d rows", c, 2*requests)
	}
}

// What there is no room for is dropped and counted, and never waited for; an
// answer that was in the queue is served again afterwards.
func TestDropped(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 1, Queue: 1})
	for range 10 {
		s.ask(service("unlogged"), texts("user_id", "ann", "bob"))
	}
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.log.Counts(); got != (answerlog.Counts{Dropped: 20}) {
		t.Errorf("counted %+v", got)
	}
}

// Rows that cannot be written are counted, and the trouble is told once.
func TestFailed(t *testing.T) {
	var warnings bytes.Buffer
	s := open(t, answerlog.Options{Rate: 1, Log: slog.New(slog.NewTextHandler(&warnings, nil))})
	if err := os.WriteFile(filepath.Join(s.dir, "answers"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.ask(service("unlogged"), texts("user_id", "ann", "bob"))
	s.ask(serving.Selection{Features: []string{"profile:age"}}, texts("user_id", "ann"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.log.Counts(); got != (answerlog.Counts{Failed: 3}) {
		t.Errorf("counted %+v", got)
	}
	if n := strings.Count(warnings.String(), "answers could not be logged"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, &warnings)
	}
}

// A folder holds so many bytes: the oldest files of the log go, and nobody
// else's; the newest stays however large it is.
func TestBounded(t *testing.T) {
	var size int64
	for round, most := range []int64{1 << 30, 0} {
		s := open(t, answerlog.Options{Rate: 1, Most: max(most, 2*size+size/2)})
		folder := filepath.Join(s.dir, "answers", "usage")
		foreign := filepath.Join(folder, "asof-1.parquet")
		if err := errors.Join(os.MkdirAll(folder, 0o777), os.WriteFile(foreign, make([]byte, 10_000), 0o600)); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			s.ask(service("unlogged"), texts("user_id", "ann"))
			if err := s.log.Close(); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(folder, "answers-*.parquet"))
			if want := []int{i + 1, min(i+1, 2)}[round]; len(files) != want {
				t.Fatalf("round %d: after %d files there are %v", round, i+1, files)
			}
			for _, f := range files {
				info, err := os.Stat(f)
				if err != nil {
					t.Fatal(err)
				}
				size = info.Size()
				if err := os.Chtimes(f, time.Time{}, info.ModTime().Add(-time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			s.restart()
		}
		if _, err := os.Stat(foreign); err != nil {
			t.Error(err)
		}
	}
}

// restart goes on with a new log, as another server does.
func (s *shop) restart() {
	s.Helper()
	s.log = answerlog.New(s.log.Options)
	s.Cleanup(func() { _ = s.log.Close() })
	var err error
	if s.reader, err = serving.New(serving.Options{Registry: s.registry, Online: s.store, Project: project, Sink: s.log.Sink, Now: func() time.Time { return now }}); err != nil {
		s.Fatal(err)
	}
}

// Answers that wait in the queue are not those that are being given: what many
// callers get at once is right, and so is what is logged of it.
func TestAnswersAreNotShared(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 0.5})
	var callers sync.WaitGroup
	for _, key := range []string{"ann", "bob", "ann", "bob"} {
		callers.Go(func() {
			want := map[string]string{"ann": "1.5", "bob": "2.5"}[key]
			for range 500 {
				a, err := s.reader.Read(t.Context(), &serving.Request{Selection: service("unlogged"), Entities: []serving.Column{texts("user_id", key)}})
				if err != nil {
					t.Error(err)
					return
				}
				if got := shown(a, 1, 0); got != want {
					t.Errorf("%s has %s, want %s", key, got, want)
				}
				a.Release()
			}
		})
	}
	callers.Wait()
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	p := s.profiles(t.Context(), usage, asof.ProfileQuery{})["hours"]
	for _, v := range p.Top { // bob's is older than the ttl
		if v.Number != 1.5 {
			t.Errorf("%v was logged %d times", v.Number, v.Count)
		}
	}
	if c := s.log.Counts(); uint64(p.Rows) != c.Written || p.Nulls == 0 || p.Nulls == p.Rows {
		t.Errorf("%+v, and counted %+v", p, c)
	}
}

package registryfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/registryfile"
)

var user = &asof.Entity{Name: "user", JoinKey: "user_id"}

// newRegistry makes a registry file with one project.
func newRegistry(t *testing.T) (path string, r *registryfile.Registry) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "registry.db")
	r = registryfile.Open(path, nil)
	mustApply(t, r, user)
	return path, r
}

func mustApply(t *testing.T, r *registryfile.Registry, put ...asof.Object) *asof.Snapshot {
	t.Helper()
	s, err := r.Apply(t.Context(), "p", asof.Change{Put: put})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readRegistry(t *testing.T, path string) *core.Registry {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m core.Registry
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFiles(t *testing.T) {
	path, _ := newRegistry(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	later := readRegistry(t, path)
	later.RegistrySchemaVersion = "2"
	laterBytes, err := proto.Marshal(later)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":         {nil, "it is empty"},
		"cut off":       {whole[:len(whole)-7], "cut off"},
		"HTML":          {[]byte("<!DOCTYPE html><html><body>404</body></html>"), "another kind of file"},
		"JSON":          {[]byte(`{"entities": []}`), "another kind of file"},
		"YAML":          {[]byte("project: p\nregistry: registry.db\n"), "another kind of file"},
		"SQLite":        {append([]byte("SQLite format 3\x00"), make([]byte, 4096)...), "another kind of file"},
		"other message": {[]byte("\x0a\x00"), "another kind of file"},
		"later schema":  {laterBytes, "its schema version is 2"},
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, path, c.content)
			r := registryfile.Open(path, nil)
			_, err := r.Snapshot(t.Context(), "p")
			if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), path) ||
				!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "run `asof apply`") {
				t.Errorf("%v; want the path, %q and a way out", err, c.want)
			}
			if _, err := r.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{user}}); asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("an apply on it: %v", err)
			}
			if b, _ := os.ReadFile(path); !bytes.Equal(b, c.content) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestWhatWeDoNotKnowIsKept(t *testing.T) {
	path, r := newRegistry(t)
	later := []byte{0xfa, 0x3f, 3, 'n', 'e', 'w'} // field 1023, a string
	m := readRegistry(t, path)
	m.ProtoReflect().SetUnknown(later)
	m.Infra = &core.Infra{InfraObjects: []*core.InfraObject{{InfraObjectClassType: "x"}}}
	m.FeatureTables = []*core.FeatureTable{{Spec: &core.FeatureTableSpec{Name: "old", Project: "p"}}}
	m.SavedDatasets = []*core.SavedDataset{{Spec: &core.SavedDatasetSpec{Name: "d", Project: "p", Features: []string{"f"}}}}
	m.Entities[0].Spec.ProtoReflect().SetUnknown(later)
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b)

	changed := *user
	changed.Description = "who"
	s := mustApply(t, r, &changed)
	if d, ok := s.Object(asof.KindSavedDataset, "d").(*asof.Opaque); !ok || len(d.Meta.Stored) == 0 {
		t.Errorf("the saved dataset is listed as %v", s.Object(asof.KindSavedDataset, "d"))
	}
	now := readRegistry(t, path)
	if !bytes.Equal(now.ProtoReflect().GetUnknown(), later) {
		t.Error("an unknown field of the registry is lost")
	}
	if e := now.Entities[0].Spec; e.Description != "who" || !bytes.Equal(e.ProtoReflect().GetUnknown(), later) {
		t.Errorf("the entity is now %v", e)
	}
	if !proto.Equal(now.Infra, m.Infra) || len(now.FeatureTables) != 1 || !proto.Equal(now.SavedDatasets[0], m.SavedDatasets[0]) {
		t.Errorf("infra %v, feature tables %v, datasets %v", now.Infra, now.FeatureTables, now.SavedDatasets)
	}
	if now.VersionId == m.VersionId || now.VersionId == "" || now.RegistrySchemaVersion != "1" {
		t.Errorf("version id %q, then %q; schema %q", m.VersionId, now.VersionId, now.RegistrySchemaVersion)
	}
}

// TestFeastWrites: Feast empties the file and writes it again, in place, and a
// clock's tick may pass between two writes of one size or may not.
func TestFeastWrites(t *testing.T) {
	path, r := newRegistry(t)
	m := readRegistry(t, path)
	for _, description := range []string{"one", "two", "six", "ten"} {
		m.Entities[0].Spec.Description = description
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, b)
		s, err := r.Snapshot(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		if e, err := s.Entity("user"); err != nil || e.Description != description {
			t.Fatalf("read %v (%v) after %q was written", e, err, description)
		}
	}

	// A reader that comes between the two writes waits for the second.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, nil)
	written := make(chan error, 1)
	go func() {
		time.Sleep(30 * time.Millisecond)
		written <- os.WriteFile(path, b, 0o666)
	}()
	if s, err := registryfile.Open(path, nil).Snapshot(t.Context(), "p"); err != nil || s.Project() == nil {
		t.Errorf("read while Feast was writing: %v", err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func TestUnchangedFileIsNotDecodedAgain(t *testing.T) {
	path, r := newRegistry(t)
	first, err := r.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil { // touched, with the same content
		t.Fatal(err)
	}
	second, err := r.Snapshot(t.Context(), "p")
	if err != nil || second != first {
		t.Errorf("the same content was decoded again (%v)", err)
	}
}

// fullDiskEnv names the registry that a child process of TestFullDisk changes.
const fullDiskEnv = "ASOF_TEST_FULL_DISK"

func TestTeardownOfTheLastProjectRemovesTheFile(t *testing.T) {
	path, r := newRegistry(t)
	if _, err := r.Apply(t.Context(), "q", asof.Change{Put: []asof.Object{user}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Teardown(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if m := readRegistry(t, path); len(m.Projects) != 1 || len(m.Entities) != 2 {
		t.Errorf("left of the file: %v", m)
	}
	if err := r.Teardown(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the empty registry is still there: %v", err)
	}
}

// BenchmarkRegistry: a project of 200 views with 20 features each.
func BenchmarkRegistry(b *testing.B) {
	var put []asof.Object
	source := &asof.DataSource{Name: "source", Kind: asof.SourceFile, Path: "x.parquet", TimestampField: "at"}
	for i := range 200 {
		v := &asof.FeatureView{Name: fmt.Sprintf("view%d", i), Kind: asof.ViewPlain, Source: source, Online: true, Enabled: true}
		for j := range 20 {
			v.Features = append(v.Features, asof.Field{Name: fmt.Sprintf("f%d", j), Type: asof.Scalar(asof.TypeFloat32)})
		}
		put = append(put, v)
	}
	path := filepath.Join(b.TempDir(), "registry.db")
	r := registryfile.Open(path, nil)
	if _, err := r.Apply(b.Context(), "p", asof.Change{Put: put}); err != nil {
		b.Fatal(err)
	}
	b.Run("unchanged", func(b *testing.B) {
		time.Sleep(150 * time.Millisecond) // until its modification time can be relied on
		for b.Loop() {
			if _, err := r.Snapshot(b.Context(), "p"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("opened", func(b *testing.B) {
		for b.Loop() {
			if _, err := registryfile.Open(path, nil).Snapshot(b.Context(), "p"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply one", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.Apply(b.Context(), "p", asof.Change{Put: put[:1]}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

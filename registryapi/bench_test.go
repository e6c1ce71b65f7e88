package registryapi_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// fill puts n views with ten features each into a registry.
func fill(b *testing.B, store feastregistry.Store, n int) {
	b.Helper()
	err := store.Change(b.Context(), []string{project}, func(r *core.Registry, _ time.Time) error {
		r.Projects = append(r.Projects, &core.Project{Spec: &core.ProjectSpec{Name: project}})
		for i := range n {
			v := plainView(fmt.Sprintf("view%d", i))
			v.Spec.Project = project
			for j := range 9 {
				v.Spec.Features = append(v.Spec.Features, &core.FeatureSpecV2{Name: fmt.Sprintf("f%d", j), ValueType: 5})
			}
			r.FeatureViews = append(r.FeatureViews, v)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRegistry: a registry of 5,000 views. start is the first answer of a
// new process; fifty is an apply of fifty views to a registry without others.
func BenchmarkRegistry(b *testing.B) {
	databases := map[string]storetest.PostgresDatabase{} // by path
	for name, open := range map[string]func(string) feastregistry.Store{
		"file": func(path string) feastregistry.Store { return registryfile.Open(path, nil) },
		"SQLite": func(path string) feastregistry.Store {
			r := sqlite.OpenRegistry(path)
			b.Cleanup(func() { r.Close() })
			return r
		},
		"PostgreSQL": func(path string) feastregistry.Store {
			d, ok := databases[path]
			if !ok {
				d = storetest.Postgres(b).Database(b)
				databases[path] = d
			}
			db, err := postgres.Open(b.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { db.Close() })
			return db.Registry()
		},
	} {
		path := filepath.Join(b.TempDir(), "registry.db")
		fill(b, open(path), 5000)
		time.Sleep(200 * time.Millisecond) // until the file's modification time can be relied on
		ask := &pb.GetFeatureViewRequest{Project: project, Name: "view4321"}
		b.Run(name+"/start", func(b *testing.B) {
			for b.Loop() {
				client, conn := dial(b, start(b, registryapi.Options{Store: open(path)}))
				if _, err := client.GetFeatureView(b.Context(), ask); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
		client, _ := dial(b, start(b, registryapi.Options{Store: open(path)}))
		if _, err := client.GetFeatureView(b.Context(), ask); err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/get", func(b *testing.B) {
			for b.Loop() {
				if _, err := client.GetFeatureView(b.Context(), ask); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/fifty", func(b *testing.B) {
			for b.Loop() {
				client, conn := dial(b, start(b, registryapi.Options{Store: open(filepath.Join(b.TempDir(), "registry.db"))}))
				for i := range 50 {
					r := &pb.ApplyFeatureViewRequest{Project: project, BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: plainView(fmt.Sprintf("v%d", i))}}
					if _, err := client.ApplyFeatureView(b.Context(), r); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := client.Commit(b.Context(), &emptypb.Empty{}); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}

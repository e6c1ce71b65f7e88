package registryrest_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/registryapi"
)

// BenchmarkViews: a registry of 1,000 views with ten features each.
func BenchmarkViews(b *testing.B) {
	store := open(b)
	err := store.Change(b.Context(), []string{"shop"}, func(r *core.Registry, _ time.Time) error {
		r.Projects = append(r.Projects, &core.Project{Spec: &core.ProjectSpec{Name: "shop"}})
		for i := range 1000 {
			spec := &core.FeatureViewSpec{Name: fmt.Sprintf("view%d", i), Project: "shop", Entities: []string{"user"}, Online: true, Tags: map[string]string{"team": fmt.Sprint(i % 7)},
				BatchSource: &core.DataSource{Name: fmt.Sprintf("source%d", i), Type: core.DataSource_BATCH_FILE, TimestampField: "at",
					Options: &core.DataSource_FileOptions_{FileOptions: &core.DataSource_FileOptions{Uri: "x.parquet"}}}}
			for j := range 10 {
				spec.Features = append(spec.Features, &core.FeatureSpecV2{Name: fmt.Sprintf("f%d", j), ValueType: 5, Description: "a feature"})
			}
			r.FeatureViews = append(r.FeatureViews, &core.FeatureView{Spec: spec})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	h := serve(b, registryapi.Options{Store: store})
	for name, target := range map[string]string{
		"one":           "/feature_views/view500?project=shop",
		"page":          "/feature_views?project=shop&page=7&limit=100&sort_by=name&sort_order=desc",
		"relationships": "/feature_views?project=shop&page=7&limit=100&include_relationships=true",
		"all":           "/feature_views/all?page=7&limit=100",
		"search":        "/search?query=view77",
		"complete":      "/lineage/complete?project=shop",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
				if w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}

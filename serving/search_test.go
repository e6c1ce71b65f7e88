package serving_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// documents are of two entities and have vectors.
var documents = &asof.FeatureView{Name: "documents", Entities: []string{"user", "store"}, Online: true, Enabled: true,
	EntityColumns: []asof.Field{field("user_id", asof.TypeString), field("store_id", asof.TypeInt64)},
	Features: []asof.Field{field("title", asof.TypeString),
		{Name: "vector", Type: asof.Scalar(asof.TypeFloat32List), VectorIndex: true, VectorLength: 2}, {Name: "wide", Type: asof.Scalar(asof.TypeFloat64List)}}}

func TestSearch(t *testing.T) {
	s := newShop(t, serving.Options{MaxEntities: 100})
	s.reader.Keys = s.store.OnlineStore.(asof.KeyLister)
	s.apply(documents)
	s.update(documents)
	s.write(documents, `[
		{"user_id": "ann", "store_id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "title": "one", "vector": [1, 0]},
		{"user_id": "bob", "store_id": 2, "event_timestamp": "2024-01-02T00:00:00Z", "title": "two", "vector": [0, 2]},
		{"user_id": "eve", "store_id": 3, "event_timestamp": "2024-01-03T00:00:00Z", "title": null, "vector": [-3, -4]},
		{"user_id": "ida", "store_id": 4, "event_timestamp": "2024-01-03T00:00:00Z", "title": "none", "vector": null},
		{"user_id": "jim", "store_id": 5, "event_timestamp": "2024-01-03T00:00:00Z", "title": "long", "vector": [1, 0, 0]},
		{"user_id": "nul", "store_id": 6, "event_timestamp": "2024-01-03T00:00:00Z", "title": "origin", "vector": [0, 0]}]`)
	search := func(metric string, top int, query ...float64) string {
		t.Helper()
		a, distances, err := s.reader.Search(t.Context(), &serving.Search{Selection: features("documents:title"), Query: query, Top: top, Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Release()
		return lines(a) + " " + fmt.Sprint(distances)
	}
	for metric, want := range map[string]string{
		"":              `user_id: "ann"P "nul"P "bob"P|store_id: 1P 6P 2P|title: "one"P01T00 "origin"P03T00 "two"P02T00 [0 1 2.236068]`,
		"L1":            `user_id: "ann"P "nul"P "bob"P|store_id: 1P 6P 2P|title: "one"P01T00 "origin"P03T00 "two"P02T00 [0 1 3]`,
		"cosine":        `user_id: "ann"P "bob"P "eve"P|store_id: 1P 2P 3P|title: "one"P01T00 "two"P02T00 nullN03T00 [0 1 1.6]`,
		"inner_product": `user_id: "ann"P "bob"P "nul"P|store_id: 1P 2P 6P|title: "one"P01T00 "two"P02T00 "origin"P03T00 [-1 -0 -0]`,
	} {
		if got := strings.ReplaceAll(search(metric, 3, 1, 0), "\n", "|"); got != want {
			t.Errorf("%s: got %s, want %s", metric, got, want)
		}
	}
	if got := search("", 100, 0, 2); strings.Count(got, "P0") != 3 || !strings.HasSuffix(got, "[0 2 2.236068 6.708204]") {
		t.Errorf("more than there are: %s", got)
	}
	a, distances, err := s.reader.Search(t.Context(), &serving.Search{Selection: features("documents:title"), Query: []float64{0, 2}, Top: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"results":[{"values":["two"],"statuses":["PRESENT"],"event_timestamps":["2024-01-02T00:00:00Z"]},{"values":[0.0],"statuses":["PRESENT"],"event_timestamps":["2024-01-02T00:00:00Z"]},` +
		`{"values":["bob"],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[2],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]}],` +
		`"metadata":{"feature_names":["title","distance","user_id","store_id"],"feature_view_metadata":[{"name":"documents"}]}}`
	if got := string(a.AppendSearch(nil, distances, true)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	a.Release()

	for want, q := range map[string]serving.Search{
		`feature view "profile" has no vectors to search: declare a field of them with vector_index=True`: {Selection: features("profile:age"), Query: []float64{1, 2}, Top: 1},
		`a search is for features of one feature view`:                                                    {Selection: features("profile:age", "documents:title"), Query: []float64{1, 2}, Top: 1},
		`the search has no query`: {Selection: features("documents:title"), Top: 1},
		`the query has 3 numbers, and vectors of feature "vector" of view "documents" have 2`: {Selection: features("documents:title"), Query: []float64{1, 2, 3}, Top: 1},
		`top_k is 0; it has to be from 1 to 100`:                                              {Selection: features("documents:title"), Query: []float64{1, 2}},
		`top_k is 101;`:                                                                       {Selection: features("documents:title"), Query: []float64{1, 2}, Top: 101},
		`the distance metric "near" is not known; known: L2, L1, cosine, inner_product`:       {Selection: features("documents:title"), Query: []float64{1, 2}, Top: 1, Metric: "near"},
	} {
		if _, _, err := s.reader.Search(t.Context(), &q); asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s.reader.Keys = nil
	if _, _, err := s.reader.Search(t.Context(), &serving.Search{Selection: features("documents:title"), Query: []float64{1, 2}, Top: 1}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a store that lists no keys: %v", err)
	}
}

// TestSearchFindsTheNearest compares a search among many with sorting them.
func TestSearchFindsTheNearest(t *testing.T) {
	s := newShop(t, serving.Options{})
	s.reader.Keys = s.store.OnlineStore.(asof.KeyLister)
	wide := *documents
	wide.Name, wide.Features = "wide", []asof.Field{field("n", asof.TypeInt64), {Name: "vector", Type: asof.Scalar(asof.TypeFloat64List), VectorIndex: true, VectorMetric: "L1"}}
	s.apply(&wide)
	s.update(&wide)
	var rows []string
	distance := map[int]float64{}
	for n := range 5000 {
		x, y := float64(rand.IntN(1000)), float64(rand.IntN(1000))
		distance[n] = max(x-500, 500-x) + max(y-500, 500-y)
		rows = append(rows, fmt.Sprintf(`{"user_id": "u%d", "store_id": %d, "event_timestamp": "2024-01-01T00:00:00Z", "n": %d, "vector": [%v, %v]}`, n%7, n, n, x, y))
	}
	s.write(&wide, "["+strings.Join(rows, ",")+"]")
	a, distances, err := s.reader.Search(t.Context(), &serving.Search{Selection: features("wide:n"), Query: []float64{500, 500}, Top: 50, Metric: "L2"}) // the field's own counts
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	var all []float64
	for _, d := range distance {
		all = append(all, d)
	}
	slices.Sort(all)
	for row := range 50 {
		var n int
		if _, err := fmt.Sscan(string(value.AppendJSON(nil, a.Value(2, row), value.Plain)), &n); err != nil {
			t.Fatal(err)
		}
		if float64(distances[row]) != all[row] || distance[n] != all[row] {
			t.Errorf("row %d: %d at %v, want %v", row, n, distances[row], all[row])
		}
	}
}

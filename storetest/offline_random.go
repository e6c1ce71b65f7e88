package storetest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof"
)

// Random cases, of one to three views over small tables in which equal keys,
// equal times and NULLs are common, get the answer of the store in memory. One
// that does not is printed as a case for the corpus.
func offlineAgrees(t *testing.T, u OfflineUnderTest) {
	oracle := MemoryOffline(t)
	number := 0
	rapid.Check(t, func(r *rapid.T) {
		number++
		c := randomCase(r, number)
		want, output := c.answer(t, r, oracle)
		got, _ := c.answer(t, r, u)
		if d := cmp.Diff(want, got); d != "" {
			c.output, c.expect = output[len(c.ask.Columns):], nil
			for _, row := range want {
				c.expect = append(c.expect, row[len(c.ask.Columns):])
			}
			r.Logf("-memory +engine\n%s\nas a case of the corpus:\n\n%s", d, c)
			r.Fatal("the engine does not answer as the store in memory does") // rapid makes a case smaller while it fails with the same words
		}
	})
}

// answer loads the case into a store and asks it.
func (c *corpusCase) answer(t *testing.T, r *rapid.T, u OfflineUnderTest) (rows [][]string, output []string) {
	views, err := c.queries(c.load(t, u))
	if err != nil {
		r.Fatal(err)
	}
	rows, schema, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: recordsOf(t, *c.ask), Timestamp: asof.EventTimestamp,
		Views: views, CreatedCutoff: c.cutoff}))
	if err != nil {
		r.Fatalf("%v\n%s", err, c)
	}
	for _, f := range schema.Fields() {
		output = append(output, f.Name)
	}
	return rows, output
}

// randomKeys are the keys that a random view may have, and randomFeatures the
// features.
var (
	randomKeys = []asof.KeyColumn{{Column: "user", Entity: "user", Type: asof.Scalar(asof.TypeString)},
		{Column: "shop", Entity: "shop", Type: asof.Scalar(asof.TypeInt64)}}
	randomFeatures = []asof.FeatureColumn{{Column: "x", Output: "x", Type: asof.Scalar(asof.TypeInt64)},
		{Column: "y", Output: "y", Type: asof.Scalar(asof.TypeString)}, {Column: "z", Output: "z", Type: asof.Scalar(asof.TypeFloat32)}}
)

func randomCase(r *rapid.T, number int) *corpusCase {
	c := &corpusCase{place: "random", name: "found at random", tables: map[string]*OfflineTable{}, cutoff: rapid.Bool().Draw(r, "cutoff")}
	asked := randomRows(r, "asked", []string{"user:text", "shop:bigint", "event_timestamp:timestamptz"})
	c.ask = &asked
	for i := range rapid.IntRange(1, 3).Draw(r, "views") {
		name := fmt.Sprintf("v%d", i)
		v := &corpusView{table: fmt.Sprintf("random_%d_%d", number, i), ViewQuery: asof.ViewQuery{View: name, Timestamp: "event",
			TTL: time.Duration(rapid.IntRange(0, 3).Draw(r, "ttl")) * time.Hour}}
		rows := randomRows(r, v.table, []string{"user:text", "shop:bigint", "event:timestamptz", "created:timestamptz", "x:bigint", "y:text", "z:numeric(6,2)"})
		c.tables[v.table] = &rows
		keys := rapid.IntRange(0, 3).Draw(r, "keys")
		v.Keys = [][]asof.KeyColumn{nil, randomKeys[:1], randomKeys[1:], randomKeys}[keys]
		if rapid.Bool().Draw(r, "has created") {
			v.Created = "created"
		}
		v.Features = randomFeatures[:rapid.IntRange(1, len(randomFeatures)).Draw(r, "features")]
		c.views = append(c.views, v)
		c.service = append(c.service, randomProjection(r, v))
	}
	return c
}

// randomProjection uses a view's features in some order, perhaps not all, under
// the view's name or an alias.
func randomProjection(r *rapid.T, v *corpusView) *corpusProjection {
	p := &corpusProjection{view: v.View}
	chosen := rapid.Permutation(outputs(v)).Draw(r, "projection")
	p.features = chosen[:rapid.IntRange(1, len(chosen)).Draw(r, "chosen")]
	if rapid.Bool().Draw(r, "has alias") {
		p.alias = v.View + "_alias"
	}
	return p
}

// outputs returns the names of the view's features.
func outputs(v *corpusView) []string {
	var names []string
	for _, f := range v.Features {
		names = append(names, f.Output)
	}
	return names
}

func randomRows(r *rapid.T, name string, columns []string) OfflineTable {
	made, err := corpusTable(name, columns)
	if err != nil {
		r.Fatal(err)
	}
	for range rapid.IntRange(0, 12).Draw(r, name+" rows") {
		var row []*string
		for _, c := range made.Columns {
			v := rapid.IntRange(-1, 4).Draw(r, c.Name)
			switch {
			case v < 0:
				row = append(row, nil)
			case c.Type == "timestamptz":
				row = append(row, new(fmt.Sprintf("2024-01-01T0%d:00", v)))
			default:
				row = append(row, new(strconv.Itoa(v)))
			}
		}
		made.Rows = append(made.Rows, row)
	}
	return *made
}

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
		{Column: "y", Output: "y", Type: asof.Scalar(asof.TypeString)}, {Column: "z", Output: "z", Type: asof.Scalar(asof.TypeFloat32)},
		{Column: "l", Output: "l", Type: asof.Scalar(asof.TypeInt64List)}, {Column: "u", Output: "u", Type: asof.Scalar(asof.TypeInt32Set)},
		{Column: "s", Output: "s", Type: asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{
			{Name: "b", Type: asof.Scalar(asof.TypeString)}, {Name: "a", Type: asof.Scalar(asof.TypeFloat64)}}}},
		{Column: "m", Output: "m", Type: asof.Scalar(asof.TypeMap)}, {Column: "j", Output: "j", Type: asof.Scalar(asof.TypeJSON)},
		{Column: "n", Output: "n", Type: asof.ListOf(asof.Scalar(asof.TypeInt64List))}}
	randomColumns = []string{"user:text", "shop:bigint", "event:timestamptz", "created:timestamptz", "x:bigint", "y:text", "z:numeric(6,2)",
		"l:bigint[]", "u:bigint[]", "s:struct(a:bigint,b:text)", "m:map(text,bigint)", "j:json", "n:bigint[][]"}
)

func randomCase(r *rapid.T, number int) *corpusCase {
	c := &corpusCase{place: "random", name: "found at random", tables: map[string]*OfflineTable{}, cutoff: rapid.Bool().Draw(r, "cutoff")}
	asked := randomRows(r, "asked", []string{"user:text", "shop:bigint", "event_timestamp:timestamptz"})
	c.ask = &asked
	for i := range rapid.IntRange(1, 3).Draw(r, "views") {
		name := fmt.Sprintf("v%d", i)
		v := &corpusView{table: fmt.Sprintf("random_%d_%d", number, i), ViewQuery: asof.ViewQuery{View: name, Timestamp: "event",
			TTL: time.Duration(rapid.IntRange(0, 3).Draw(r, "ttl")) * time.Hour}}
		rows := randomRows(r, v.table, randomColumns)
		c.tables[v.table] = &rows
		keys := rapid.IntRange(0, 3).Draw(r, "keys")
		v.Keys = [][]asof.KeyColumn{nil, randomKeys[:1], randomKeys[1:], randomKeys}[keys]
		if rapid.Bool().Draw(r, "has created") {
			v.Created = "created"
		}
		for _, at := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}).Draw(r, "features")[:rapid.IntRange(1, 5).Draw(r, "number of features")] {
			v.Features = append(v.Features, randomFeatures[at])
		}
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
			row = append(row, randomValue(r, c))
		}
		made.Rows = append(made.Rows, row)
	}
	return *made
}

// randomValue is small, so that equal values are common, and so that what is
// JSON in some engines has there the order that it has as a struct or a map.
func randomValue(r *rapid.T, c asof.TableColumn) *string {
	v := rapid.IntRange(-1, 4).Draw(r, c.Name)
	if v < 0 {
		return nil
	}
	null := func(empty string) string {
		if v == 4 {
			return empty
		}
		return strconv.Itoa(v)
	}
	switch c.Name {
	case "l", "u":
		return new([]string{"[]", "[0]", "[0,-]", "[-]", "[1,0,1]"}[v])
	case "s":
		return new(fmt.Sprintf(`{"a":%s,"b":"%d"}`, null("null"), v%2))
	case "m":
		return new(fmt.Sprintf(`{"a":%s}`, null("null")))
	case "j":
		return new([]string{"null", "[1, 2]", `{"b": 1, "a": 2}`, `"x"`, "{}"}[v])
	case "n":
		return new(fmt.Sprintf("[[%d],null,[]]", v))
	}
	if c.Type == "timestamptz" {
		return new(fmt.Sprintf("2024-01-01T0%d:00", v))
	}
	return new(strconv.Itoa(v))
}

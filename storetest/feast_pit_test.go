package storetest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

//go:embed testdata/feast_pit.py
var feastPIT string

//go:embed testdata/pit/feast-differences
var feastDifferences string

// feastCase is a case of the corpus as feast_pit.py reads it. Columns are a
// source's name, the name that it has in Feast, and the type.
type feastCase struct {
	Number       int               `json:"number"`
	Name         string            `json:"name"`
	Views        []feastView       `json:"views"`
	Service      []feastProjection `json:"service"`
	Asked        string            `json:"asked"`
	AskedColumns [][2]string       `json:"asked_columns"`
	Cutoff       bool              `json:"cutoff"`
	Latest       map[string]string `json:"latest"`
	Columns      [][2]string       `json:"columns"` // of the answer: name, type
	Expect       [][]*string       `json:"expect"`
	Fails        bool              `json:"fails"`
	Not          []string          `json:"not"`
}

type feastView struct {
	Name     string      `json:"name"`
	SQL      string      `json:"sql"`  // makes the rows of its table
	Flat     string      `json:"flat"` // likewise, in PostgreSQL
	Keys     [][3]string `json:"keys"`
	Features [][3]string `json:"features"`
	Time     string      `json:"time"`
	Created  string      `json:"created"`
	TTL      int64       `json:"ttl"` // microseconds
}

type feastProjection struct {
	View     string            `json:"view"`
	Alias    string            `json:"alias"`
	Features []string          `json:"features"`
	Keys     map[string]string `json:"keys"`
}

// feastFinding is how Feast's answer to a case differs: "" not at all, rows,
// values, error, or answers where the case fails. Feast's rows come in any order.
type feastFinding struct{ Case, Store, Kind, Detail string }

// TestFeastPointInTime asks real Feast what the corpus asks. Where its answer
// differs, testdata/pit/feast-differences says so and why; what is not there
// must be equal, and what is there must differ.
func TestFeastPointInTime(t *testing.T) {
	cases, err := corpus()
	if err != nil {
		t.Fatal(err)
	}
	d := Postgres(t).Database(t)
	dir := t.TempDir()
	given := map[string]any{"directory": dir, "postgres": map[string]any{"url": d.URL(), "config": map[string]any{
		"host": d.Host, "port": d.Port, "database": d.Name, "db_schema": "public", "user": d.User, "password": d.Password, "sslmode": "disable"}}}
	var asked []feastCase
	for i, c := range cases {
		if c.latest == nil || c.latest.keys == nil { // Feast cannot ask for some keys only
			asked = append(asked, c.feast(t, i))
		}
	}
	given["cases"] = asked
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	file, report := filepath.Join(dir, "cases.json"), filepath.Join(dir, "report.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	RunPython(t, feastPIT, file, report)
	answer, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var found []feastFinding
	if err := json.Unmarshal(answer, &found); err != nil {
		t.Fatal(err)
	}
	listed := listedDifferences(t)
	equal := 0
	for _, f := range found {
		at := f.Store + ": " + f.Case
		kind := listed[at]
		delete(listed, at)
		switch {
		case f.Kind == "" && kind == "":
			equal++
		case f.Kind != kind && kind == "":
			t.Errorf("%s: Feast differs, which is not listed: %s %s", at, f.Kind, f.Detail)
		case f.Kind == "":
			t.Errorf("%s: Feast's answer is ours, and a difference is listed: %s", at, kind)
		case f.Kind != kind:
			t.Errorf("%s: Feast differs by %s (%s), and what is listed is %s", at, f.Kind, f.Detail, kind)
		}
	}
	for at := range listed {
		t.Errorf("%s: listed, and not a case that Feast is asked", at)
	}
	t.Logf("%d answers of Feast, %d equal ours", len(found), equal)
}

// listedDifferences reads testdata/pit/feast-differences: for each "STORE: CASE"
// what differs.
func listedDifferences(t *testing.T) map[string]string {
	listed := map[string]string{}
	var store, kind string
	for i, line := range strings.Split(feastDifferences, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case line[0] != ' ' && len(words) > 2:
			store, kind = words[0], words[1]
		case line[0] == ' ':
			for _, s := range strings.Split(store, ",") {
				listed[s+": "+strings.TrimSpace(line)] = kind
			}
		default:
			t.Fatalf("feast-differences:%d: a difference begins with STORE KIND REASON", i+1)
		}
	}
	return listed
}

// feast writes the case as Feast is asked it.
func (c *corpusCase) feast(t *testing.T, number int) feastCase {
	out := feastCase{Number: number, Name: c.name, Cutoff: c.cutoff, Fails: c.fails != "", Not: []string{}, Columns: [][2]string{}, Expect: [][]*string{}}
	for engine, store := range map[string]string{"parquet": "duckdb", "postgres": "postgres"} {
		if c.not[engine] != "" {
			out.Not = append(out.Not, store)
		}
	}
	for _, v := range c.views {
		out.Views = append(out.Views, v.feast(c.tables[v.table]))
		if c.service == nil {
			out.Service = append(out.Service, feastProjection{View: v.View, Features: outputs(v), Keys: map[string]string{}})
		}
	}
	for _, p := range c.service {
		features, keys := p.features, map[string]string{}
		for _, v := range c.views {
			if v.View == p.view && features == nil {
				features = outputs(v)
			}
		}
		for _, k := range p.keys {
			keys[k[0]] = k[1]
		}
		out.Service = append(out.Service, feastProjection{View: p.view, Alias: p.alias, Features: features, Keys: keys})
	}
	without := -1
	if c.latest != nil {
		from := c.latest.from
		if from.IsZero() {
			from, _ = asof.ParseTime("1800-01-01")
		}
		out.Latest = map[string]string{"view": c.latest.view, "from": from.Format("2006-01-02T15:04:05.000000+00:00"), "to": c.latest.to.Format("2006-01-02T15:04:05.000000+00:00")}
		without = out.latestColumns(c)
	} else {
		out.Asked = c.ask.Values()
		for _, column := range c.ask.Columns {
			out.AskedColumns = append(out.AskedColumns, [2]string{column.Name, ""})
		}
		for _, p := range out.Service {
			name := p.View
			if p.Alias != "" {
				name = p.Alias
			}
			for _, f := range p.Features {
				out.Columns = append(out.Columns, [2]string{name + "__" + f, c.typeOf(p.View, f)})
			}
		}
	}
	for _, row := range c.expect {
		var values []*string
		for i, v := range row {
			switch {
			case i == without:
			case v == "-":
				values = append(values, nil)
			default:
				values = append(values, &v)
			}
		}
		out.Expect = append(out.Expect, values)
	}
	return out
}

// feast writes a view over a table of its own, which has a copy of each column
// that comes out under several names: Feast gives a column one name.
func (v *corpusView) feast(table *OfflineTable) feastView {
	out := feastView{Name: v.View, Time: v.Timestamp, Created: v.Created, TTL: v.TTL.Microseconds(), Keys: [][3]string{}}
	named := map[string]string{v.Timestamp: v.Timestamp}
	for _, k := range v.Keys {
		named[k.Column] = k.Entity
		out.Keys = append(out.Keys, [3]string{k.Column, k.Entity, k.Type.String()})
	}
	copies := ""
	for _, f := range v.Features {
		column := f.Column
		if name, taken := named[column]; taken && name != f.Output {
			column = f.Output
			copies += fmt.Sprintf(`, t."%s" AS "%s"`, f.Column, column)
		} else {
			named[column] = f.Output
		}
		out.Features = append(out.Features, [3]string{column, f.Output, f.Type.String()})
	}
	out.SQL = "SELECT t.*" + copies + " FROM (" + table.Values() + ") AS t"
	out.Flat = "SELECT t.*" + copies + " FROM (" + table.Flat().Values() + ") AS t"
	return out
}

func (c *corpusCase) typeOf(view, feature string) string {
	for _, v := range c.views {
		for _, f := range v.Features {
			if v.View == view && f.Output == feature {
				return f.Type.String()
			}
		}
	}
	return fmt.Sprintf("no type of %s:%s", view, feature)
}

// latestColumns names the columns of Feast's newest rows, which are the
// source's, and returns which of ours they do not have: -1 for none.
func (f *feastCase) latestColumns(c *corpusCase) (without int) {
	without = -1
	for _, v := range c.views {
		if v.View != c.latest.view {
			continue
		}
		for _, k := range v.Keys {
			f.Columns = append(f.Columns, [2]string{k.Column, k.Type.String()})
		}
		f.Columns = append(f.Columns, [2]string{v.Timestamp, "UnixTimestamp"})
		if v.Created != "" {
			f.Columns = append(f.Columns, [2]string{v.Created, "UnixTimestamp"})
		} else {
			without = len(v.Keys) + 1
		}
		for _, feature := range f.Views[0].Features {
			f.Columns = append(f.Columns, [2]string{feature[0], feature[2]})
		}
	}
	return without
}

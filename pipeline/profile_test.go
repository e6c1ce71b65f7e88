package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// TestProfile asks what columns of every family hold: with values, with nulls
// alone, without rows, and more columns than fit into one answer of PostgreSQL.
func TestProfile(t *testing.T) {
	columns := "id: integer, fee: \"numeric(8,2)\", x: double precision, yes: boolean, day: date, at: timestamptz, plan: text, none: integer"
	full := map[string]string{
		"id":   `{"column":"id","type":"integer","nulls":0,"distinct":4,"mean":2.5,"stddev":1.2909944487358056,"least":"1","greatest":"4"}`,
		"fee":  `{"column":"fee","type":"numeric(8,2)","nulls":1,"distinct":2,"mean":2,"stddev":0.8660254037844386,"least":"1.5","greatest":"3"}`,
		"x":    `{"column":"x","type":"double precision","nulls":2,"distinct":2,"mean":0,"stddev":2.1213203435596424,"least":"-1.5","greatest":"1.5"}`,
		"yes":  `{"column":"yes","type":"boolean","nulls":0,"distinct":2,"mean":0.75,"stddev":null,"least":"","greatest":""}`,
		"day":  `{"column":"day","type":"date","nulls":1,"distinct":2,"mean":null,"stddev":null,"least":"2024-01-01","greatest":"2024-01-31"}`,
		"plan": `{"column":"plan","type":"text","nulls":1,"distinct":3,"mean":null,"stddev":null,"least":"","greatest":""}`,
		"none": `{"column":"none","type":"integer","nulls":4,"distinct":0,"mean":null,"stddev":null,"least":"","greatest":""}`,
	}
	lines := "1,1.50,1.5,true,2024-01-01,2024-01-01 10:00:00,a,\n2,1.50,-1.5,true,2024-01-31,,b,\n3,3,,true,,,\"\",\n4,,,false,2024-01-01,,,\n"
	wide, wideLine := "", ""
	for i := range 300 {
		wide += fmt.Sprintf(", c%d: integer", i)
		wideLine += fmt.Sprintf(",%d", i)
	}
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		profiles := func(table, columns, lines string) map[string]string {
			dir := t.TempDir()
			writeRuleFile(t, dir, ruleFile{name: table, columns: "{" + columns + "}"}, lines)
			p, err := loadText(t, strings.NewReplacer("TABLE", table, "COLUMNS", columns).Replace(
				"name: p\nparams: {as_of: {type: date}}\nsteps:\n  - {load: TABLE, file: TABLE.csv, key: id, allow_empty: true, columns: {COLUMNS}}\n  - {check: TABLE, profile: true, expect: []}\n"))
			if err != nil {
				t.Fatal(err)
			}
			report, err := carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
			if err != nil {
				t.Fatal(err)
			}
			all := map[string]string{}
			for _, column := range report.Steps[1].Profile {
				text, err := json.Marshal(column)
				if err != nil {
					t.Fatal(err)
				}
				all[column.Column] = string(text)
			}
			return all
		}
		got := profiles("t", columns, lines)
		if at := got["at"]; !strings.Contains(at, `"least":"2024-01-01 10:00:00+00"`) {
			t.Errorf("at = %s", at)
		}
		delete(got, "at")
		if d := cmp.Diff(full, got); d != "" {
			t.Error(d)
		}
		for name, text := range profiles("t", columns, "") {
			if !strings.Contains(text, `"nulls":0,"distinct":0,"mean":null,"stddev":null,"least":"","greatest":""`) {
				t.Errorf("%s of no rows: %s", name, text)
			}
		}
		many := profiles("wide", columns+wide, "1,,,,,,,"+wideLine+"\n")
		if len(many) != 308 || !strings.Contains(many["c299"], `"least":"299"`) {
			t.Errorf("%d profiles, %s", len(many), many["c299"])
		}
	})
}

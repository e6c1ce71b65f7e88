package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// String writes the case as a file of the corpus has it.
func (c *corpusCase) String() string {
	var b strings.Builder
	block := func(head string, rows [][]string) {
		b.WriteString(head + "\n")
		for _, row := range rows {
			b.WriteString("  " + strings.Join(row, " ") + "\n")
		}
	}
	block("case "+c.name, nil)
	for _, name := range slices.Sorted(maps.Keys(c.tables)) {
		block("table "+name+" "+c.tables[name].header(), c.tables[name].words())
	}
	for _, v := range c.views {
		block("view "+v.View+" of "+v.table, v.lines())
	}
	if c.service != nil {
		var lines [][]string
		for _, p := range c.service {
			lines = append(lines, p.words())
		}
		block("service", lines)
	}
	if c.ask != nil {
		block("ask "+c.ask.header(), c.ask.words())
	}
	if c.cutoff {
		block("cutoff", nil)
	}
	if l := c.latest; l != nil {
		from := "-"
		if !l.from.IsZero() {
			from = micros(l.from.UnixMicro())
		}
		block(fmt.Sprintf("latest %s %s %s", l.view, from, micros(l.to.UnixMicro())), wordsOf(l.keys))
	}
	switch {
	case c.fails != "":
		block("fails "+c.fails, nil)
	default:
		var rows [][]string
		for _, row := range c.expect {
			var words []string
			for _, v := range row {
				words = append(words, word(v))
			}
			rows = append(rows, words)
		}
		block("expect "+strings.Join(c.output, " "), rows)
	}
	for _, store := range slices.Sorted(maps.Keys(c.not)) {
		block("not "+store+" "+c.not[store], nil)
	}
	return b.String()
}

func (o *OfflineTable) header() string {
	var columns []string
	for _, c := range o.Columns {
		columns = append(columns, c.Name+":"+c.Type)
	}
	return strings.Join(columns, " ")
}

func (o *OfflineTable) words() [][]string { return wordsOf(o.Rows) }

func wordsOf(rows [][]*string) [][]string {
	var out [][]string
	for _, row := range rows {
		var words []string
		for _, v := range row {
			if v == nil {
				words = append(words, "-")
			} else {
				words = append(words, word(*v))
			}
		}
		out = append(out, words)
	}
	return out
}

// word quotes a value that would not stand as one word.
func word(s string) string {
	switch {
	case s != "" && !strings.ContainsAny(s, " \t") && !strings.ContainsAny(s[:1], `#"'`):
		return s
	case strings.Contains(s, `"`):
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

func (v *corpusView) lines() [][]string {
	named := func(what, column, as string, t asof.Type) []string {
		line := []string{what, column, word(t.String())}
		if as != column {
			line = append(line, "as", as)
		}
		return line
	}
	var lines [][]string
	for _, k := range v.Keys {
		lines = append(lines, named("key", k.Column, k.Entity, k.Type))
	}
	lines = append(lines, []string{"time", v.Timestamp})
	if v.Created != "" {
		lines = append(lines, []string{"created", v.Created})
	}
	if v.TTL > 0 {
		lines = append(lines, []string{"ttl", v.TTL.String()})
	}
	for _, f := range v.Features {
		lines = append(lines, named("feature", f.Column, f.Output, f.Type))
	}
	if v.Order != nil {
		lines = append(lines, append([]string{"order"}, v.Order...))
	}
	return lines
}

func (p *corpusProjection) words() []string {
	words := []string{p.view}
	if p.alias != "" {
		words = append(words, "as", p.alias)
	}
	words = append(words, p.features...)
	for _, k := range p.keys {
		words = append(words, k[0]+"="+k[1])
	}
	return words
}

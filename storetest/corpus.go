package storetest

import (
	"bufio"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

//go:embed testdata/pit/*.txt
var corpusFiles embed.FS

// corpusCase is one case of the corpus; testdata/pit/README.md describes how
// it is written.
type corpusCase struct {
	place   string // file:line
	name    string
	tables  map[string]*OfflineTable
	views   []*corpusView
	service []*corpusProjection
	ask     *OfflineTable
	cutoff  bool
	not     map[string]string // stores that cannot hold the case's tables: why
	latest  *corpusLatest
	output  []string // the columns expected
	expect  [][]string
	fails   string
}

// corpusView is a view of a case, and the table that it reads.
type corpusView struct {
	asof.ViewQuery
	table string
}

// corpusProjection is a view as the case's feature service uses it.
type corpusProjection struct {
	view, alias string
	features    []string    // empty: all
	keys        [][2]string // the view's join key, the entity rows' column
}

// corpusLatest is what a case asks of PullLatest.
type corpusLatest struct {
	view     string
	from, to time.Time
	keys     [][]*string // nil: all
}

// corpus reads all cases.
func corpus() ([]*corpusCase, error) {
	files, err := corpusFiles.ReadDir("testdata/pit")
	if err != nil {
		return nil, err
	}
	var all []*corpusCase
	for _, f := range files {
		text, err := corpusFiles.ReadFile(path.Join("testdata/pit", f.Name()))
		if err != nil {
			return nil, err
		}
		cases, err := parseCorpus(f.Name(), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, nil
}

// parseCorpus reads a file: lines at the margin begin a block, indented lines
// are in it.
func parseCorpus(file, text string) ([]*corpusCase, error) {
	var cases []*corpusCase
	var c *corpusCase
	var block func(words []string) error
	lines := bufio.NewScanner(strings.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		words := corpusWords(line)
		if len(words) == 0 {
			continue
		}
		place := fmt.Sprintf("%s:%d", file, number)
		var err error
		switch {
		case words[0] == "case":
			c = &corpusCase{place: place, name: strings.TrimSpace(strings.TrimPrefix(line, "case")), tables: map[string]*OfflineTable{}, not: map[string]string{}}
			cases, block = append(cases, c), nil
		case c == nil:
			err = fmt.Errorf("a file begins with a case")
		case line[0] != ' ':
			block, err = c.begin(words, line)
		case block == nil:
			err = fmt.Errorf("an indented line belongs to a block")
		default:
			err = block(words)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
	}
	return cases, lines.Err()
}

// corpusWords splits a line at white space; quoted words keep theirs, and a
// word that begins with # begins a comment.
func corpusWords(line string) []string {
	var words []string
	for line = strings.TrimSpace(line); line != "" && line[0] != '#'; line = strings.TrimSpace(line) {
		if quote := line[0]; quote == '"' || quote == '\'' {
			if end := strings.IndexByte(line[1:], quote); end >= 0 {
				words, line = append(words, line[:end+2]), line[end+2:]
				continue
			}
		}
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
	return words
}

// begin starts a block and returns what reads its lines.
func (c *corpusCase) begin(words []string, line string) (func([]string) error, error) {
	switch {
	case words[0] == "table" && len(words) > 2:
		t, err := corpusTable(words[1], words[2:])
		c.tables[words[1]] = t
		return t.row, err
	case words[0] == "view" && len(words) == 4 && words[2] == "of":
		c.views = append(c.views, &corpusView{ViewQuery: asof.ViewQuery{View: words[1]}, table: words[3]})
		return c.views[len(c.views)-1].line, nil
	case words[0] == "ask" && len(words) > 1:
		t, err := corpusTable("asked", words[1:])
		c.ask = t
		return t.row, err
	case words[0] == "cutoff" && len(words) == 1:
		c.cutoff = true
		return nil, nil
	case words[0] == "service" && len(words) == 1:
		return c.projection, nil
	case words[0] == "not" && len(words) > 2:
		c.not[words[1]] = strings.Join(words[2:], " ")
		return nil, nil
	case words[0] == "latest" && len(words) == 4:
		return c.beginLatest(words)
	case words[0] == "expect" && len(words) > 1:
		c.output = words[1:]
		return func(row []string) error {
			c.expect = append(c.expect, unquoted(row))
			return nil
		}, nil
	case words[0] == "fails" && len(words) > 1:
		c.fails = strings.TrimSpace(strings.TrimPrefix(line, "fails"))
		return nil, nil
	}
	return nil, fmt.Errorf("%q begins no block", strings.Join(words, " "))
}

func (c *corpusCase) beginLatest(words []string) (func([]string) error, error) {
	l := &corpusLatest{view: words[1]}
	for i, at := range []*time.Time{&l.from, &l.to} {
		if t, ok := asof.ParseTime(words[2+i]); ok {
			*at = t
		} else if words[2+i] != "-" || i == 1 {
			return nil, fmt.Errorf("%q is not a time", words[2+i])
		}
	}
	c.latest = l
	return func(row []string) error {
		l.keys = append(l.keys, corpusValues(row))
		return nil
	}, nil
}

// projection reads a line of the service: VIEW [as ALIAS] [FEATURE …] [KEY=COLUMN …].
func (c *corpusCase) projection(words []string) error {
	p := &corpusProjection{view: words[0]}
	words = words[1:]
	if len(words) > 1 && words[0] == "as" {
		p.alias, words = words[1], words[2:]
	}
	for _, w := range words {
		if key, to, ok := strings.Cut(w, "="); ok {
			p.keys = append(p.keys, [2]string{key, to})
		} else {
			p.features = append(p.features, w)
		}
	}
	c.service = append(c.service, p)
	return nil
}

func corpusTable(name string, columns []string) (*OfflineTable, error) {
	t := &OfflineTable{Name: name}
	for _, c := range columns {
		column, typ, ok := strings.Cut(c, ":")
		if _, err := arrowType(typ); !ok || err != nil {
			return t, fmt.Errorf("%q is not a column and its type", c)
		}
		t.Columns = append(t.Columns, asof.TableColumn{Name: column, Type: typ})
	}
	return t, nil
}

func (o *OfflineTable) row(words []string) error {
	if len(words) != len(o.Columns) {
		return fmt.Errorf("%d values for %d columns", len(words), len(o.Columns))
	}
	o.Rows = append(o.Rows, corpusValues(words))
	return nil
}

func corpusValues(words []string) []*string {
	out := make([]*string, len(words))
	for i, w := range words {
		if w != "-" {
			out[i] = new(unquotedWord(w))
		}
	}
	return out
}

func unquoted(words []string) []string {
	out := slices.Clone(words)
	for i, w := range out {
		out[i] = unquotedWord(w)
	}
	return out
}

func unquotedWord(w string) string {
	if n := len(w); n > 1 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] {
		return w[1 : n-1]
	}
	return w
}

// line reads the lines of a view.
func (v *corpusView) line(w []string) error {
	switch {
	case w[0] == "key" && (len(w) == 3 || len(w) == 5 && w[3] == "as"):
		t, err := corpusType(unquotedWord(w[2]))
		v.Keys = append(v.Keys, asof.KeyColumn{Column: w[1], Entity: w[len(w)-1], Type: t})
		if len(w) == 3 {
			v.Keys[len(v.Keys)-1].Entity = w[1]
		}
		return err
	case w[0] == "feature" && (len(w) == 3 || len(w) == 5 && w[3] == "as"):
		t, err := corpusType(unquotedWord(w[2]))
		v.Features = append(v.Features, asof.FeatureColumn{Column: w[1], Output: w[len(w)-1], Type: t})
		if len(w) == 3 {
			v.Features[len(v.Features)-1].Output = w[1]
		}
		return err
	case w[0] == "time" && len(w) == 2:
		v.Timestamp = w[1]
	case w[0] == "created" && len(w) == 2:
		v.Created = w[1]
	case w[0] == "order":
		v.Order = w[1:]
	case w[0] == "ttl" && len(w) == 2:
		ttl, err := time.ParseDuration(w[1])
		v.TTL = ttl
		return err
	default:
		return fmt.Errorf("%q says nothing of a view", strings.Join(w, " "))
	}
	return nil
}

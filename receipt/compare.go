package receipt

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Changes says what differs between a receipt and a later one of the same
// request, each in a sentence, the causes before their effects. None: the
// content is the same, and so is all that it was made from.
func Changes(old, now *Receipt) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if old.Asof != now.Asof {
		say("asof is %s, and was %s", now.Asof, old.Asof)
	}
	if old.Project != now.Project {
		say("the project is %s, and was %s", now.Project, old.Project)
	}
	for _, v := range old.Views {
		at := slices.IndexFunc(now.Views, func(n View) bool { return n.Name == v.Name })
		if at < 0 {
			say("feature view %q is no longer read", v.Name)
			continue
		}
		list = append(list, viewChanges(v, now.Views[at])...)
	}
	for _, v := range now.Views {
		if !slices.ContainsFunc(old.Views, func(o View) bool { return o.Name == v.Name }) {
			say("feature view %q is read, and was not", v.Name)
		}
	}
	for _, s := range old.Sources {
		at := slices.IndexFunc(now.Sources, func(n Source) bool { return n.Name == s.Name })
		if at < 0 {
			continue
		}
		n := now.Sources[at]
		if n.Connection != s.Connection || n.Place != s.Place {
			say("source %q is read from %s, and was from %s", s.Name, n.where(), s.where())
		}
		if !s.equal(n) {
			say("source %q holds %s, and held %s", s.Name, n, s)
		}
	}
	if old.Entity != now.Entity {
		say("the entity rows are others: %d rows, and %d before", now.Rows, old.Rows)
	}
	return append(list, columnChanges(old, now)...)
}

func (s Source) equal(o Source) bool {
	return s.Rows == o.Rows && s.Oldest.Equal(o.Oldest) && s.Newest.Equal(o.Newest)
}

func (s Source) where() string {
	if s.Connection == "" {
		return "the offline store"
	}
	return fmt.Sprintf("connection %s (%s)", s.Connection, s.Place)
}

// String says how many rows there are, and up to when.
func (s Source) String() string {
	if s.Newest.IsZero() {
		return fmt.Sprintf("%d rows", s.Rows)
	}
	return fmt.Sprintf("%d rows from %s to %s", s.Rows, s.Oldest.UTC().Format(time.RFC3339Nano), s.Newest.UTC().Format(time.RFC3339Nano))
}

func viewChanges(old, now View) []string {
	var list []string
	for _, c := range []struct{ what, old, now string }{
		{"source", old.Source, now.Source}, {"timestamp", old.Timestamp, now.Timestamp}, {"created timestamp", old.Created, now.Created},
		{"ttl", old.TTL, now.TTL}, {"join keys", strings.Join(old.Keys, "; "), strings.Join(now.Keys, "; ")},
		{"features", strings.Join(old.Features, "; "), strings.Join(now.Features, "; ")},
		{"order of features", strings.Join(old.Order, ", "), strings.Join(now.Order, ", ")},
	} {
		if c.old != c.now {
			list = append(list, fmt.Sprintf("feature view %q: its %s is %s, and was %s", old.Name, c.what, orNone(c.now), orNone(c.old)))
		}
	}
	if old.Reads != now.Reads {
		list = append(list, fmt.Sprintf("feature view %q: its source %q reads another file, table or query", old.Name, now.Source))
	}
	return list
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// columnChanges names the columns that differ.
func columnChanges(old, now *Receipt) []string {
	if old.Content == now.Content {
		return nil
	}
	var list, values []string
	for _, c := range old.Columns {
		at := slices.IndexFunc(now.Columns, func(n Column) bool { return n.Name == c.Name })
		switch {
		case at < 0:
			list = append(list, fmt.Sprintf("column %q is not there", c.Name))
		case c.Type != now.Columns[at].Type:
			list = append(list, fmt.Sprintf("column %q is %s, and was %s", c.Name, now.Columns[at].Type, c.Type))
		case c.Hash != now.Columns[at].Hash:
			values = append(values, fmt.Sprintf("%q", c.Name))
		}
	}
	for _, c := range now.Columns {
		if !slices.ContainsFunc(old.Columns, func(o Column) bool { return o.Name == c.Name }) {
			list = append(list, fmt.Sprintf("column %q is new", c.Name))
		}
	}
	if len(values) > 0 {
		list = append(list, "values differ in "+strings.Join(values, ", "))
	}
	if len(list) == 0 {
		list = append(list, "the columns come in another order")
	}
	return list
}

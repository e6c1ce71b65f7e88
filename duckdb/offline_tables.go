//go:build duckdb_arrow

package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// harmless are the table functions that read nothing.
var harmless = []string{"range", "generate_series", "unnest"}

var _ asof.TableReader = (*Offline)(nil)

// ReadsTables refuses a SELECT that reads files, or anything else that DuckDB
// could read for the process.
func (o *Offline) ReadsTables(ctx context.Context, sql string) error {
	s, err := o.session(ctx, sql)
	if err != nil {
		return err
	}
	defer s.close()
	const what = "the SQL of the entity rows"
	sql = trimmed(sql)
	if err := s.single(what, sql); err != nil {
		return err
	}
	return s.onlyTables(ctx, what, sql)
}

func (s *session) onlyTables(ctx context.Context, what, sql string) error {
	text, err := scalar(ctx, s.conn, "SELECT json_serialize_sql("+sqltext.Text(sql)+")::VARCHAR")
	if err != nil {
		return s.fault(what, err)
	}
	var tree map[string]any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return fmt.Errorf("%s: its tree cannot be read: %w", what, err)
	}
	if tree["error"] != false {
		return asof.Errorf(asof.CodeInvalid, "%s is of a form in which it cannot be seen what it reads; write it as a plain SELECT", what)
	}
	known := slices.Clone(s.tables)
	walk(tree, func(node map[string]any) { // names that it gives itself; one with a dot may be a file's elsewhere in it
		if entry, ok := node["key"].(string); ok && node["value"] != nil && !strings.Contains(entry, ".") {
			known = append(known, entry)
		}
	})
	var other string
	walk(tree, func(node map[string]any) {
		switch node["type"] {
		case "BASE_TABLE":
			name, _ := node["table_name"].(string)
			if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
				other = name
			}
		case "TABLE_FUNCTION":
			function, _ := node["function"].(map[string]any)
			name, _ := function["function_name"].(string)
			if !slices.Contains(harmless, strings.ToLower(name)) {
				other = name + "()"
			}
		}
	})
	if other == "" {
		return nil
	}
	return asof.Errorf(asof.CodeInvalid, "%s reads %s, and may read the warehouse's tables alone%s", what, other, asof.DidYouMean(other, s.tables))
}

// walk hands over every object of a JSON value.
func walk(value any, take func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		take(v)
		for _, inner := range v {
			walk(inner, take)
		}
	case []any:
		for _, inner := range v {
			walk(inner, take)
		}
	}
}

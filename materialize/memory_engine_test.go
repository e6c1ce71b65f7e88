//go:build !duckdb_arrow

package materialize_test

import "testing"

var engines = map[string]func(*testing.T) engine{"memory": inMemory}

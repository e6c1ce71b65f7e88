package duckdb_test

import (
	"testing"

	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

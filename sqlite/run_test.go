package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

func TestRuns(t *testing.T) {
	storetest.Runs(t, func(t *testing.T) func() asof.RunStore {
		path := filepath.Join(t.TempDir(), "asof.db")
		return func() asof.RunStore { return sqlite.OpenRuns(path) }
	})
}

func TestStatistics(t *testing.T) {
	storetest.Statistics(t, func(t *testing.T) func() asof.StatisticsStore {
		path := filepath.Join(t.TempDir(), "asof.db")
		return func() asof.StatisticsStore { return sqlite.OpenStatistics(path) }
	})
}

func TestDefinitions(t *testing.T) {
	storetest.Definitions(t, func(t *testing.T) func() asof.DefinitionLog {
		path := filepath.Join(t.TempDir(), "asof.db")
		return func() asof.DefinitionLog { return sqlite.OpenDefinitions(path) }
	})
}

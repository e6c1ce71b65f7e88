package postgres_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

func TestRuns(t *testing.T) {
	storetest.Runs(t, func(t *testing.T) func() asof.RunStore {
		d := storetest.Postgres(t).Database(t)
		return func() asof.RunStore { return openDatabase(t, d, "").Runs() }
	})
}

func TestStatistics(t *testing.T) {
	storetest.Statistics(t, func(t *testing.T) func() asof.StatisticsStore {
		d := storetest.Postgres(t).Database(t)
		return func() asof.StatisticsStore { return openDatabase(t, d, "").Statistics() }
	})
}

func TestDefinitions(t *testing.T) {
	storetest.Definitions(t, func(t *testing.T) func() asof.DefinitionLog {
		d := storetest.Postgres(t).Database(t)
		return func() asof.DefinitionLog { return openDatabase(t, d, "").Definitions() }
	})
}

package memory_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

func TestRuns(t *testing.T) {
	storetest.Runs(t, func(*testing.T) func() asof.RunStore {
		s := memory.NewRuns()
		return func() asof.RunStore { return s }
	})
}

func TestStatistics(t *testing.T) {
	storetest.Statistics(t, func(*testing.T) func() asof.StatisticsStore {
		s := memory.NewStatistics()
		return func() asof.StatisticsStore { return s }
	})
}

func TestDefinitions(t *testing.T) {
	storetest.Definitions(t, func(*testing.T) func() asof.DefinitionLog {
		l := memory.NewDefinitions()
		return func() asof.DefinitionLog { return l }
	})
}

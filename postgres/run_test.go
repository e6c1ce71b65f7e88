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

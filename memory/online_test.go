package memory_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

func TestOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		store := memory.NewOnline(3)
		return func() asof.OnlineStore { return store }
	})
}

func TestLedger(t *testing.T) {
	storetest.Ledger(t, func(t *testing.T) func() asof.Ledger {
		ledger := memory.NewLedger()
		return func() asof.Ledger { return ledger }
	})
}

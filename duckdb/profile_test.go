//go:build duckdb_arrow

package duckdb_test

import (
	"testing"

	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

func TestProfileMillion(t *testing.T) {
	store, err := asofduckdb.OpenOffline(asofduckdb.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	storetest.ProfileMillion(t, store)
}

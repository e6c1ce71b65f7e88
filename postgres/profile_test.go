package postgres_test

import (
	"testing"

	"github.com/asof-dev/asof/storetest"
)

func TestProfileMillion(t *testing.T) {
	store, _ := openOffline(t)
	storetest.ProfileMillion(t, store)
}

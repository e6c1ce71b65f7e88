package postgres_test

import (
	"testing"

	"github.com/asof-dev/asof/storetest"
)

func TestAppend(t *testing.T) {
	open, _ := openTables(t)
	storetest.Append(t, open)
}

package memory_test

import (
	"testing"

	"github.com/asof-dev/asof/storetest"
)

func TestAppend(t *testing.T) {
	storetest.Append(t, storetest.MemoryOffline)
}

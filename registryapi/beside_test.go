package registryapi_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestBesideFeastsServer makes calls of every kind, odd ones too, of our server
// and of Feast's own: what they answer is the same, but for differences that
// testdata/beside.py lists with their reasons.
func TestBesideFeastsServer(t *testing.T) {
	address, _ := startFile(t)
	out := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "beside.py"), t.TempDir(), address))
	counts, different, _ := strings.Cut(out, "\n")
	if strings.TrimSpace(different) != "{}" {
		t.Errorf("what differs, Feast's answer first:\n%s", different)
	}
	t.Logf("calls, and those at which Feast's server fails: %s", counts)
}

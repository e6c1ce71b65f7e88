package storetest

import (
	"os"
	"path/filepath"
	"testing"
)

// StreamFlowData returns the folder that holds StreamFlow's real months
// (month_000, …): STREAMFLOW_DATA, else ../shared/streamflow-data seen from the
// module. These are a company's own files, not part of the project, so a test
// that needs them is skipped where they are not.
func StreamFlowData(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("STREAMFLOW_DATA")
	if dir == "" {
		cache, err := cacheDir()
		if err != nil {
			tb.Fatal(err)
		}
		dir = filepath.Join(cache, "..", "..", "shared", "streamflow-data")
	}
	if _, err := os.Stat(filepath.Join(dir, "month_000")); err != nil {
		tb.Skipf("StreamFlow's real files are not in %s", dir)
	}
	return dir
}

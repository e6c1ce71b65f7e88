package registryapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestFeastsCommands runs Feast's own command line on its local template, with
// our registry in the place of its file.
func TestFeastsCommands(t *testing.T) {
	address, _ := startFile(t)
	dir := t.TempDir()
	storetest.RunFeast(t, dir, "init", "-t", "local", "demo")
	repository := filepath.Join(dir, "demo", "feature_repo")
	yaml := "project: demo\nprovider: local\nregistry: {registry_type: remote, path: '" + address + "'}\n" +
		"online_store: {type: sqlite, path: data/online.db}\nentity_key_serialization_version: 3\n"
	if err := os.WriteFile(filepath.Join(repository, "feature_store.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	said := storetest.RunFeastCommands(t, repository, []string{"apply"}, []string{"feature-views", "list"}, []string{"plan"},
		[]string{"delete", "transformed_conv_rate_fresh"}, []string{"feature-views", "list"}, []string{"label-views", "list"})
	for i, want := range []string{"Created feature view driver_hourly_stats_fresh", "driver_hourly_stats_fresh", "No changes", "", "driver_hourly_stats ", "driver_quality_labels"} {
		if !strings.Contains(said[i], want) {
			t.Errorf("command %d says\n%s\nwant %q", i, said[i], want)
		}
	}
	if strings.Contains(said[4], "transformed_conv_rate_fresh") {
		t.Errorf("a view that was deleted is listed:\n%s", said[4])
	}
}

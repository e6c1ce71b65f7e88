package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// oneOfEach makes, with Feast's SDK, a repository that has one of every kind of
// object, and returns its folder.
func oneOfEach(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script, err := filepath.Abs("../../feastconv/testdata/repository.py")
	if err != nil {
		t.Fatal(err)
	}
	storetest.RunPython(t, applyOneOfEach, script, dir)
	return dir
}

// applyOneOfEach runs the script that its first argument names, and registers
// more permissions.
const applyOneOfEach = `
import runpy, sys
script, sys.argv = sys.argv[1], sys.argv[1:]
store = runpy.run_path(script, run_name='__main__')['store']
from feast import Entity, FeatureService, FeatureView, Project
from feast.data_source import DataSource
from feast.permissions.action import ALL_ACTIONS, AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
from feast.saved_dataset import SavedDataset
store.registry.apply_permission(Permission(name="readers", types=[FeatureView, Entity, SavedDataset], policy=RoleBasedPolicy(roles=["reader"]),
    actions=[AuthzedAction.DESCRIBE, AuthzedAction.READ_ONLINE]), "everything")
store.registry.apply_permission(Permission(name="admins", types=[FeatureService, DataSource, Project], name_patterns=["s.*", "k.*a"],
    policy=RoleBasedPolicy(roles=["admin", "r"]), actions=ALL_ACTIONS), "everything")
`

// shownCommands print what they print in Feast, byte for byte, but for the
// order of sets.
var shownCommands = []string{
	"entities list", "entities list --tags k:v", "entities list --tags k:other", "entities describe user", "entities describe shop",
	"data-sources list", "data-sources list --tags s:t,p:q", "data-sources list --tags s:t --tags p:q",
	"data-sources describe stats", "data-sources describe query", "data-sources describe kafka", "data-sources describe kinesis", "data-sources describe push",
	"data-sources describe request", "data-sources describe bigquery", "data-sources describe spark", "data-sources describe stats.parquet", "data-sources describe public.t",
	"feature-views list", "feature-views list --tags owner:x", "feature-views describe plain", "feature-views describe types", "feature-views describe no_ttl",
	"feature-views describe nobody", "feature-views describe batch", "feature-views describe chained",
	"feature-views list-versions plain", "feature-views list-versions pandas_mode", "feature-views list-versions nope",
	"on-demand-feature-views list", "stream-feature-views list", "stream-feature-views list --tags s:t",
	"label-views list", "label-views list --tags x:y", "label-views describe labels", "feature-services list", "feature-services describe service", "feature-services describe aliased",
	"saved-datasets list", "validation-references list", "projects list", "projects list --tags a:b", "projects list --tags a:c",
	"projects describe everything", "projects current_project", "features list", "features describe visits", "features describe vector", "configuration", "endpoint",
	"permissions list", "permissions list --tags t:u", "permissions describe permission", "permissions list-roles",
	"permissions check", "permissions list-roles -v",
}

// changingCommands change the registry, or leave it as it is, and say so.
var changingCommands = []string{
	"feature-views disable plain", "feature-views disable plain", "feature-views describe plain", "feature-views enable plain", "feature-views enable plain",
	"feature-views set-state types created", "feature-views set-state types CREATED", "feature-views set-state types GENERATED", "feature-views disable python_mode",
	"feature-views list", "projects delete everything -y", "projects list",
}

var (
	pythonSet = regexp.MustCompile(`[{\[]'[^:}\]]*'[}\]]`)
	colour    = regexp.MustCompile("\x1b\\[[0-9;]*m")
	stamp     = regexp.MustCompile(`(?m)^ *(created|lastUpdated)Timestamp: .*\n|^ *body: .*\n`)
)

// settled is an output without what Feast leaves to chance.
func settled(text string) string {
	text = colour.ReplaceAllString(text, "")
	return pythonSet.ReplaceAllStringFunc(text, func(set string) string {
		names := strings.Split(set[1:len(set)-1], ", ")
		slices.Sort(names)
		return set[:1] + strings.Join(names, ", ") + set[len(set)-1:]
	})
}

// timeless is an output without times and pickled functions, in any order.
func timeless(text string) string {
	lines := strings.Split(stamp.ReplaceAllString(settled(text), ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestFeastsCommandsPrintTheSame runs Feast's commands and ours on one registry.
func TestFeastsCommandsPrintTheSame(t *testing.T) {
	theirs := oneOfEach(t)
	ours := t.TempDir()
	if err := os.CopyFS(ours, os.DirFS(theirs)); err != nil {
		t.Fatal(err)
	}
	loose := []string{"stream-feature-views describe stream", "on-demand-feature-views describe pandas_mode", "on-demand-feature-views describe singleton_mode",
		"permissions list -v"}
	all := slices.Concat(shownCommands, loose, changingCommands)
	var words [][]string
	for _, command := range all {
		words = append(words, strings.Fields(command))
	}
	printed := storetest.RunFeastCommands(t, theirs, words...)
	for i, command := range all {
		form := settled
		if slices.Contains(loose, command) || slices.Contains(changingCommands, command) {
			form = timeless
		}
		// The join key of a stream view is no feature.
		printed[i] = strings.Replace(printed[i], "user_id    stream          String\n", "", 1)
		want, got := form(printed[i]), form(string(run(t, "feast", append([]string{"-c", ours}, words[i]...)...)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Feast, +asof):\n%s", command, diff)
		}
	}
}

// TestAFeastRegistryChangedByCommands reads with Feast's SDK what our commands
// have changed in its registry.
func TestAFeastRegistryChangedByCommands(t *testing.T) {
	dir := oneOfEach(t)
	for _, command := range []string{"feature-views disable plain", "feature-views set-state types CREATED", "delete service", "delete aliased", "delete kinesis"} {
		run(t, "asof", append([]string{"-c", dir}, strings.Fields(command)...)...)
	}
	for command, want := range map[string]string{"delete stats": `data source "stats" is used by`, "delete no_ttl": `feature view "no_ttl" is used by feature view "chained"`,
		"feature-views set-state types AVAILABLE_ONLINE": `goes from CREATED to GENERATED`} {
		path, err := exec.LookPath("asof")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(path, append([]string{"-c", dir}, strings.Fields(command)...)...).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	out := storetest.RunFeastCommands(t, dir, []string{"feature-views", "describe", "plain"}, []string{"feature-views", "describe", "types"},
		[]string{"feature-services", "list"}, []string{"data-sources", "list"}, []string{"feature-views", "list-versions", "plain"})
	for i, want := range []string{"enabled: false", "state: CREATED", "NAME    FEATURES", "kafka", "v0"} {
		if !strings.Contains(out[i], want) || strings.Contains(out[i], "kinesis") {
			t.Errorf("Feast reads\n%s\nwant %q", out[i], want)
		}
	}
}

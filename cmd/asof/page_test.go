package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/receipt"
	"github.com/asof-dev/asof/storetest"
)

// TestTrainingDataPage runs the commands of docs/training-data.md, in order, as
// a reader does, on both set-ups.
func TestTrainingDataPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/training-data.md")
	if err != nil {
		t.Fatal(err)
	}
	var embedded map[string][]string
	t.Run("embedded", func(t *testing.T) { embedded = contents(t, followPage(t, string(page), "feature_store.yaml")) })
	t.Run("postgres", func(t *testing.T) {
		db := setDatabase(t)
		dir := followPage(t, string(page), "feature_store.postgres.yaml")
		if d := cmp.Diff(embedded, contents(t, dir)); d != "" || len(embedded) == 0 {
			t.Errorf("the contents of the training sets: -embedded +postgres\n%s", d)
		}
		kept, _ := filepath.Glob(filepath.Join(dir, "my_project", "data", "datasets", "*"))
		for _, path := range kept {
			if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte(db.Password)) {
				t.Errorf("%s holds the password (%v)", path, err)
			}
		}
	})
}

// TestReadme runs the commands of the README, as a newcomer does.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	followPage(t, string(page), "feature_store.yaml")
}

// TestSourcesPage runs the commands of docs/sources.md in a repository that has
// what the page shows: a connection, a view over a file, the file. The table is
// one that a pipeline wrote to the database.
func TestSourcesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	setDatabase(t)
	const prepare = "```console\n$ asof init my_project -t minimal\n" +
		"$ asof -c my_project -f feature_store.postgres.yaml pipeline run load_month month=month_000 as_of=2024-01-31\n```\n"
	dir := followPage(t, prepare, "feature_store.yaml")
	for language, file := range map[string]string{"yaml": "feature_store.yaml", "python": "features.py", "csv": "calls.csv"} {
		_, block, found := strings.Cut(string(page), "```"+language+"\n")
		block, _, _ = strings.Cut(block, "```")
		path := filepath.Join(dir, "my_project", file)
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) || !found {
			t.Fatal(file, err)
		}
		if before, after, there := strings.Cut(string(text), "asof:\n"); there && language == "yaml" {
			text, block = []byte(before), block+after
		}
		if err := os.WriteFile(path, append(text, block...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runPage(t, dir, string(page), "")
	kept, _ := filepath.Glob(filepath.Join(dir, "my_project", "data", "datasets", "*"))
	if len(kept) != 1 {
		t.Fatalf("receipts: %v", kept)
	}
	text, err := os.ReadFile(kept[0])
	if err != nil || bytes.Contains(text, []byte(os.Getenv("POSTGRES_PASSWORD"))) || !bytes.Contains(text, []byte(`"connection": "crm"`)) {
		t.Errorf("%v in the receipt\n%s", err, text)
	}
}

// setDatabase makes a database, and names it in the environment as the
// templates do.
func setDatabase(t *testing.T) storetest.PostgresDatabase {
	t.Helper()
	db := storetest.Postgres(t).Database(t)
	for name, value := range settings(db) {
		t.Setenv(name, value)
	}
	return db
}

// settings are the variables by which the templates name a database.
func settings(db storetest.PostgresDatabase) map[string]string {
	return map[string]string{"POSTGRES_HOST": db.Host, "POSTGRES_PORT": strconv.Itoa(db.Port), "POSTGRES_DB": db.Name,
		"POSTGRES_USER": db.User, "POSTGRES_PASSWORD": db.Password}
}

// TestPipelinesPage runs the commands of docs/pipelines.md, on both set-ups.
func TestPipelinesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	setDatabase(t)
	for _, config := range []string{"feature_store.yaml", "feature_store.postgres.yaml"} {
		t.Run(config, func(t *testing.T) { followPage(t, string(page), config) })
	}
}

// TestMonitoringPage runs the commands of docs/monitoring.md.
func TestMonitoringPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	followPage(t, string(page), "feature_store.yaml")
}

// TestMaterializePage runs the commands of docs/materialize.md.
func TestMaterializePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/materialize.md")
	if err != nil {
		t.Fatal(err)
	}
	followPage(t, string(page), "feature_store.yaml")
}

// TestFeastSDKPage follows docs/feast-sdk.md with Feast's own command and
// Python, on ports that are free: with the registry in the file of the page,
// and in PostgreSQL.
func TestFeastSDKPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/feast-sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	page, flags := string(text), "serve --all --grpc-port 0 --rest-port 0 --ui-port 0"
	for flag, port := range map[string]string{"port": "6566", "registry-port": "6570", "offline-port": "8815"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, free, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		page, flags = strings.ReplaceAll(page, port, free), flags+" --"+flag+" "+free
	}
	page = strings.Replace(page, "serve --all", flags, 1)
	_, yaml, _ := strings.Cut(page, "```yaml\n")
	yaml, _, _ = strings.Cut(yaml, "```")
	_, program, _ := strings.Cut(page, "```python\n")
	program, _, _ = strings.Cut(program, "```")
	t.Setenv("PATH", filepath.Dir(storetest.FeastPython(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, registry := range []string{"data/registry.db", "{registry_type: sql, path: '" + storetest.Postgres(t).Database(t).URL() + "'}"} {
		dir := t.TempDir()
		for name, content := range map[string]string{"client/feature_store.yaml": yaml, "read.py": program} {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		made := strings.Replace(page, "$ asof -c my_project sample", "$ sed -i \"s|data/registry.db|$REGISTRY|\" my_project/feature_store.yaml\n$ asof -c my_project sample", 1)
		t.Setenv("REGISTRY", registry)
		t.Cleanup(func() {
			if t.Failed() { // before the page has ended its server
				_ = exec.Command("sh", "-c", "kill $(cat "+filepath.Join(dir, "server.pid")+")").Run()
			}
		})
		runPage(t, dir, made, "feature_store.yaml")
	}
}

// contents returns the contents of the training sets of the page's repository,
// by the file or table that each was written to.
func contents(t *testing.T, dir string) map[string][]string {
	t.Helper()
	list, err := receipt.Folder(filepath.Join(dir, "my_project", "data", "datasets")).List()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, r := range list {
		found[r.Output+r.Table] = append(found[r.Output+r.Table], r.Content)
		slices.Sort(found[r.Output+r.Table])
	}
	return found
}

// followPage runs a page's commands in a folder of their own, with a repository
// of the set-up that the file configures, and returns the folder.
func followPage(t *testing.T, page, config string) string {
	t.Helper()
	dir := t.TempDir()
	runPage(t, dir, page, config)
	return dir
}

// runPage is followPage in a folder that is there.
func runPage(t *testing.T, dir, page, config string) {
	t.Helper()
	commands := pageCommands(page)
	if len(commands) == 0 {
		t.Error("the page has no commands: they stand in blocks of ```console, after a $")
	}
	for _, command := range commands {
		cmd := exec.Command("sh", "-c", command.text)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command.text, err, out)
		}
		for _, line := range command.prints {
			if !pageLine(line).Match(out) {
				t.Errorf("%s\nprints no line %q:\n%s", command.text, line, out)
			}
		}
		if strings.HasPrefix(command.text, "asof init") {
			choose(t, filepath.Join(dir, "my_project"), config)
		}
	}
}

// choose makes a file of a repository its configuration.
func choose(t *testing.T, dir, config string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, config))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "feature_store.yaml"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

type pageCommand struct {
	text   string
	prints []string // lines, in which … stands for anything
}

// pageCommands returns the commands of a page's console blocks.
func pageCommands(page string) []pageCommand {
	var list []pageCommand
	for i, block := range strings.Split(page, "```console\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if text, ok := strings.CutPrefix(line, "$ "); ok {
				list = append(list, pageCommand{text: text})
			} else {
				list[len(list)-1].prints = append(list[len(list)-1].prints, line)
			}
		}
	}
	return list
}

func pageLine(line string) *regexp.Regexp {
	parts := strings.Split(line, "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("(?m)^" + strings.Join(parts, ".*") + "$")
}

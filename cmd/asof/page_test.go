package main

import (
	"bytes"
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

// TestMaterializePage runs the commands of docs/materialize.md.
func TestMaterializePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/materialize.md")
	if err != nil {
		t.Fatal(err)
	}
	followPage(t, string(page), "feature_store.yaml")
}

// TestFeastSDKPage follows docs/feast-sdk.md with Feast's own command and
// Python, on ports that are free.
func TestFeastSDKPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/feast-sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, port := range []string{"6566", "6570"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, free, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		page = strings.ReplaceAll(page, ":"+port, ":"+free)
		page = strings.ReplaceAll(page, "serve --all", "serve --all --"+map[string]string{"6566": "port", "6570": "registry-port"}[port]+" "+free)
	}
	page = strings.ReplaceAll(page, "serve --all", "serve --all --grpc-port 0")
	t.Setenv("PATH", filepath.Dir(storetest.FeastPython(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "client"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]string{"client/feature_store.yaml": "yaml", "client/definitions.py": "python", "read.py": "python"} {
		parts := strings.Split(page, "```"+block+"\n")
		content, _, _ := strings.Cut(parts[1+strings.Count(name, "read")], "```")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runPage(t, dir, page, "feature_store.yaml")
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
	for _, command := range pageCommands(page) {
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

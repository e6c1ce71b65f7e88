package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// feastTemplates makes a repository from each of Feast's templates that
// `feast init -t` has. Some end early, for want of their store's client, and
// leave what they have copied.
const feastTemplates = `
import json, os, sys
from click.testing import CliRunner
from feast.cli.cli import cli
os.chdir(sys.argv[1])
names = next(p for p in cli.commands["init"].params if p.name == "template").type.choices
for name in names:
    CliRunner().invoke(cli, ["init", name.replace("-", "_"), "-t", name])
    os.chdir(sys.argv[1])
print(json.dumps(list(names)))
`

// blocked are the templates of Feast that the doctor finds something in that
// does not work, and what.
var blocked = map[string][]string{
	"local":       {"label views are kept and listed"},
	"gcp":         {"feature views that read from a BigQuerySource"},
	"aws":         {`offline store of type "redshift"`, "feature views that read from a RedshiftSource"},
	"snowflake":   {`offline store of type "snowflake.offline"`, `online store of type "snowflake.online"`, "feature views that read from a SnowflakeSource"},
	"spark":       {`offline store of type "spark"`, "feature views that read from a SparkSource"},
	"postgres":    {"offline_store.port has to be a whole number", `registry of type "sql" does not answer`},
	"hbase":       {`online store of type "hbase"`},
	"cassandra":   {`online store of type "cassandra"`},
	"hazelcast":   {`online store of type "hazelcast"`},
	"couchbase":   {`offline store of type "couchbase.offline"`, `online store of type "couchbase.online"`, "feature views that read from a CouchbaseColumnarSource"},
	"milvus":      {`online store of type "milvus"`},
	"ray":         {`offline store of type "ray"`},
	"ray_rag":     {`offline store of type "ray"`, `online store of type "milvus"`, "a class cannot be read without Python"},
	"rag":         {`online store of type "milvus"`},
	"pytorch_nlp": {"sentiment_prediction"},
}

// TestDoctorOfFeastsTemplates looks at every template that Feast has, and
// changes nothing of it.
func TestDoctorOfFeastsTemplates(t *testing.T) {
	dir := t.TempDir()
	printed := string(storetest.RunPython(t, feastTemplates, dir))
	var names []string
	if err := json.Unmarshal([]byte(printed[strings.LastIndexByte(printed, '['):]), &names); err != nil {
		t.Fatal(err)
	}
	if len(names) != len(blocked) {
		t.Errorf("Feast's templates are %v; this test knows %d", names, len(blocked))
	}
	for _, name := range names {
		repository := filepath.Join(dir, name)
		before := files(t, repository)
		report := diagnose(t, repository)
		if diff := cmp.Diff(before, files(t, repository)); diff != "" {
			t.Errorf("%s was changed:\n%s", name, diff)
		}
		if report.Blocked != (len(blocked[name]) > 0) {
			t.Errorf("%s is blocked: %v; found\n%s", name, report.Blocked, report.fails())
		}
		for _, want := range blocked[name] {
			if !strings.Contains(report.fails(), want) {
				t.Errorf("%s: nothing says %q:\n%s", name, want, report.fails())
			}
		}
	}
}

// diagnosis is what `doctor --output json` prints.
type diagnosis struct {
	Blocked  bool
	Findings []struct {
		Group, Message string
		Places         []string
	}
}

func (d diagnosis) fails() string {
	var lines []string
	for _, f := range d.Findings {
		if f.Group == "fails" {
			lines = append(lines, fmt.Sprint(f.Message, f.Places))
		}
	}
	return strings.Join(lines, "\n")
}

// diagnose runs the doctor, whose exit code has to say what its report says.
func diagnose(t *testing.T, dir string) (d diagnosis) {
	t.Helper()
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "doctor", dir, "--output", "json").Output()
	if unread := json.Unmarshal(out, &d); unread != nil {
		t.Fatalf("%s: %v\n%s", dir, unread, out)
	}
	if (err != nil) != d.Blocked {
		t.Errorf("%s: blocked %v, and it ended with %v", dir, d.Blocked, err)
	}
	return d
}

// files are the files below a folder, with their contents' hashes.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			all[path] = "folder"
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%x", sha256.Sum256(text))
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	return all
}

package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// FuzzLoad reads anything without a panic, and tells mistakes as mistakes.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("../definition/template/*/pipelines/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, steps := range []string{"  - command: [a, b]\n    env: {A: '${B}'}\n    when: month in ['a']\n    retries: {times: 2, wait: 1s}\n",
		"  - http: https://a.b\n    json: {a: [1, {b: '{{as_of - 1 day | %Y}}'}]}\n    needs: load users\n", "  - {training_set: a.csv, features: [v:f], entities: SELECT 1}\n",
		"  - {sql: t, query: SELECT 1, key: a, columns: {a: text}}\non_failure: [{notify: x}]\nschedule: {cron: '@daily'}\nconcurrency: {runs: 2}\n"} {
		f.Add(head + steps)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "p.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.Load(path)
		if err != nil && asof.ErrorCode(err) != asof.CodeInvalid || err == nil && len(p.Steps) == 0 {
			t.Errorf("%v, %+v", err, p)
		}
	})
}

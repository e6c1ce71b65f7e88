package pipeline_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/asof-dev/asof/pipeline"
)

const schemaFile = "../docs/pipeline.schema.json"

func TestTheSchemaIsPublished(t *testing.T) {
	published, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := pipeline.Schema()
	if err != nil || !bytes.Equal(schema, published) {
		t.Errorf("docs/pipeline.schema.json is not that of the reader (%v): run `go generate ./pipeline`", err)
	}
}

// compiled returns the schema as a validator.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := pipeline.Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("pipeline.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("pipeline.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// conforms reports what the schema says of a file.
func conforms(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

// TestTheSchemaTakesWhatTheReaderTakes is about the files that we ship and show.
func TestTheSchemaTakesWhatTheReaderTakes(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob("../definition/template/*/pipelines/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := conforms(t, schema, string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema="+pipeline.SchemaURL+"\n") {
			t.Errorf("%s does not name its schema", file)
		}
	}
	page, err := os.ReadFile("../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(page), "```yaml\n")[1:] {
		if text, _, _ := strings.Cut(block, "```"); strings.HasPrefix(text, "name:") {
			if err := conforms(t, schema, text); err != nil {
				t.Errorf("block %d of docs/pipelines.md: %v", i, err)
			}
		}
	}
	if err := conforms(t, schema, head+rule("expect_column_mean_to_be_between: {column: id, max_value: 3}")); err != nil {
		t.Errorf("another tool's name: %v", err)
	}
}

func TestTheSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	schema := compiled(t)
	for name, text := range map[string]string{
		"unknown key":        head + "    refernces: {id: users}\n",
		"unknown top key":    "nmae: x\n" + head,
		"no key":             strings.Replace(head, "    key: id\n", "", 1),
		"unknown step":       head + "  - loda: x\n",
		"two kinds":          head + "  - check: users\n    load: users\n    expect: []\n",
		"unknown rule":       head + rule("notnull: id"),
		"no list":            head + "  - check: users\n    expect: {not_null: id}\n",
		"severity":           head + rule("not_null: id, severity: fatal"),
		"table's name":       head + "  - snapshot: a-b\n    from: users\n",
		"unknown param type": strings.Replace(head, "type: string", "type: strng", 1),
		"unknown param key":  strings.Replace(head, "type: string", "tpe: string", 1),
		"bounds":             head + rule("mean: {mn: 3}, column: id"),
	} {
		if _, err := loadText(t, text); err == nil {
			t.Errorf("%s: the reader takes it", name)
		}
		if err := conforms(t, schema, text); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

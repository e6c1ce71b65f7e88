package definition_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof/definition"
)

func config(t *testing.T, text string) (*definition.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "feature_store.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return definition.LoadConfig(filepath.Dir(path), path)
}

type postgresSection struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	Password string `yaml:"password"`
}

func TestConfigExpandsTheEnvironment(t *testing.T) {
	t.Setenv("PG_PORT", "6543")
	t.Setenv("PG_PASSWORD", "a#b: c")
	c, err := config(t, `
project: streamflow
registry: registry.db
online_store:
  type: postgres
  host: $PG_HOST_UNSET
  port: ${PG_PORT}
  password: ${PG_PASSWORD}
entity_key_serialization_version: 2
`)
	if err != nil {
		t.Fatal(err)
	}
	var got postgresSection
	warnings, err := c.Online.Decode(&got)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := postgresSection{"$PG_HOST_UNSET", 6543, "a#b: c"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if c.KeyVersion != 2 || c.Offline.Type != "dask" || c.Online.Type != "postgres" {
		t.Errorf("got key version %d, offline %q, online %q", c.KeyVersion, c.Offline.Type, c.Online.Type)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings.Error(), "feature_store.yaml:6: environment variable PG_HOST_UNSET is not set") {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if s := c.Online.String(); strings.Contains(s, "a#b") {
		t.Errorf("a section prints its password: %s", s)
	}
}

func TestConfigReadsShortForms(t *testing.T) {
	c, err := config(t, "project: p\nregistry: data/registry.db\noffline_store: duckdb\nasof:\n  warehouse: data/warehouse\n  serve:\n    features:\n      - a\n      - v:b\n  on_expired: drop\n")
	if err != nil {
		t.Fatal(err)
	}
	var registry struct {
		Path string `yaml:"path"`
	}
	if _, err := c.Registry.Decode(&registry); err != nil || registry.Path != "data/registry.db" {
		t.Errorf("registry path %q, %v", registry.Path, err)
	}
	if _, err := c.Asof.Warehouse.Decode(&registry); err != nil || registry.Path != "data/warehouse" || c.Asof.Warehouse.Type != "parquet" {
		t.Errorf("warehouse %q %q, %v", registry.Path, c.Asof.Warehouse.Type, err)
	}
	if c.Offline.Type != "duckdb" || c.Asof.OnExpired != "drop" || len(c.Asof.Serve.Features) != 2 {
		t.Errorf("got %+v", c.Asof)
	}
}

func TestConfigReadsServe(t *testing.T) {
	c, err := config(t, "project: p\nregistry: r.db\nasof:\n  serve: {features: [a], max_entities: 20000, max_requests: 50, timeout: 1.5s, cache: {entries: 1000, ttl: 500ms}}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := definition.Serve{Features: []string{"a"}, MaxEntities: 20_000, MaxRequests: 50, Timeout: 1500 * time.Millisecond,
		Cache: definition.Cache{Entries: 1000, TTL: 500 * time.Millisecond}}
	if !reflect.DeepEqual(c.Asof.Serve, want) || len(c.Warnings) > 0 {
		t.Errorf("got %+v, want %+v; warnings %v", c.Asof.Serve, want, c.Warnings)
	}
}

func TestConfigMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "is empty",
		"project: [\n":     "not valid YAML",
		"project: p\n":     "`registry` is missing",
		"registry: r.db\n": "`project` is missing",
		"- a\n":            "`key: value` lines",
		"project: p\nregistry: r.db\nentity_key_serialization_version: 1\n":     "feature_store.yaml:3: entity_key_serialization_version is 1; write 2 or 3",
		"project: p\nregistry: r.db\nentity_key_serialization_version: two\n":   "feature_store.yaml:3: entity_key_serialization_version has to be a whole number",
		"project: p\nregistry: r.db\nasof: {on_expired: forget}\n":              `on_expired is "forget"; write keep or drop`,
		"project: p\nregistry: r.db\nasof:\n  serve: {timeout: 5}\n":            `feature_store.yaml:4: asof.serve.timeout is "5"; write a time above 0 with its unit`,
		"project: p\nregistry: r.db\nasof:\n  serve:\n    max_entities: 0\n":    `feature_store.yaml:5: asof.serve.max_entities is 0; write a number above 0`,
		"project: p\nregistry: r.db\nasof:\n  serve:\n    max_requests: many\n": `asof.serve.max_requests has to be a whole number`,
		"project: p\nregistry: r.db\nasof:\n  serve: {cache: {entries: -1}}\n":  `asof.serve.cache.entries is -1`,
		"project: p\nregistry: r.db\nasof:\n  serve: {cache: yes}\n":            "asof.serve.cache holds settings",
		"project: p\nregistry: r.db\nasof:\n  serve: [features]\n":              "asof.serve holds settings",
	} {
		if _, err := config(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

func TestConfigNamesUnknownKeys(t *testing.T) {
	c, err := config(t, "project: p\nregistry: r.db\nonlin_store:\n  type: sqlite\noffline_store:\n  type: postgres\n  hots: x\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := `feature_store.yaml:3: unknown key "onlin_store" in top level is ignored; did you mean "online_store"?`; !strings.HasSuffix(c.Warnings.Error(), want) {
		t.Errorf("got %v, want %s", c.Warnings, want)
	}
	warnings, err := c.Offline.Decode(&postgresSection{})
	if err != nil || !strings.HasSuffix(warnings.Error(), `:7: unknown key "hots" in offline_store is ignored; did you mean "host"?`) {
		t.Errorf("got %v, %v", warnings, err)
	}
}

package definition_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
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

func TestConfigReadsAnswers(t *testing.T) {
	const begin = "project: p\nregistry: r.db\n"
	off := definition.Answers{Folder: "data/answers"}
	for text, want := range map[string]definition.Answers{
		"":                  off,
		"asof: {answers: }": off,
		"asof: {answers: {sample: 0.01, folder: /logs, keys: false, max_mib: 64, flush: 30s}}":          {Services: true, Sample: 0.01, Folder: "/logs", Keyless: true, MaxBytes: 64 << 20, Flush: 30 * time.Second},
		"feature_server: {feature_logging: {enabled: false}}":                                           off,
		"feature_server: {feature_logging: {enabled: true, write_to_disk_interval_secs: 30}}":           {Services: true, Folder: "data/answers", Flush: 30 * time.Second},
		"feature_server: {feature_logging: {enabled: true}}\nasof: {answers: {sample: 1, flush: 1m}}\n": {Services: true, Sample: 1, Folder: "data/answers", Flush: time.Minute},
	} {
		if c, err := config(t, begin+text); err != nil || len(c.Warnings) > 0 || c.Asof.Answers != want {
			t.Errorf("%s: %+v, %v %v", text, c.Asof.Answers, c.Warnings, err)
		}
	}
	for text, want := range map[string]string{
		"asof:\n  answers: 0.01":                          "feature_store.yaml:4: asof.answers holds settings",
		"asof:\n  answers:\n    sample: 1%":               "asof.answers.sample",
		"asof:\n  answers:\n    sample: 1.5":              "feature_store.yaml:5: asof.answers.sample is 1.5; write the share",
		"asof:\n  answers: {sample: .nan}":                "asof.answers.sample is NaN",
		"asof:\n  answers: {folder: ''}":                  "asof.answers.folder is empty",
		"asof:\n  answers: {max_mib: 0}":                  "asof.answers.max_mib is 0; write a number above 0",
		"asof:\n  answers: {keys: sometimes}":             "asof.answers.keys has to be",
		"asof:\n  answers: {flush: 5}":                    "asof.answers.flush is \"5\"; write a time above 0",
		"feature_server: {feature_logging: yes}":          "feature_server.feature_logging holds settings",
		"feature_server: {feature_logging: {enabled: 5}}": "feature_server.feature_logging.enabled has to be",
	} {
		if _, err := config(t, begin+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, err := config(t, begin+"feature_server: {feature_logging: {enabled: true, queue_capacity: 10}}\n")
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Message, "queue_capacity is ignored") {
		t.Errorf("%v %v", c.Warnings, err)
	}
}

func TestConfigReadsRetention(t *testing.T) {
	const days = 24 * time.Hour
	for text, want := range map[string]asof.RunRetention{
		"":                               {Runs: 1000, Age: 365 * days},
		"  pipelines:\n":                 {Runs: 1000, Age: 365 * days},
		"  pipelines: {retention: {}}\n": {Runs: 1000, Age: 365 * days},
		"  pipelines:\n    retention:\n      age: 30d\n":     {Runs: 1000, Age: 30 * days},
		"  pipelines: {retention: {runs: 5, age: 36500d}}\n": {Runs: 5, Age: 36500 * days},
	} {
		c, err := config(t, "project: p\nregistry: r.db\nasof:\n  on_expired: keep\n"+text)
		if err != nil || len(c.Warnings) > 0 || c.Asof.Retention != want {
			t.Errorf("%s: %+v, %v %v", text, c.Asof.Retention, c.Warnings, err)
		}
	}
	for text, want := range map[string]string{
		"pipelines: 5":                                "feature_store.yaml:4: asof.pipelines holds settings",
		"pipelines:\n    retention: 30d":              "feature_store.yaml:5: asof.pipelines.retention says how many runs",
		"pipelines:\n    retention: {runs: 0}":        "feature_store.yaml:5: asof.pipelines.retention.runs is 0; write a number above 0",
		"pipelines:\n    retention: {age: 12h}":       "feature_store.yaml:5: asof.pipelines.retention.age is \"12h\"; write a number of days from 1 to 36500",
		"pipelines:\n    retention: {age: 99999999d}": "feature_store.yaml:5: asof.pipelines.retention.age is",
	} {
		if _, err := config(t, "project: p\nregistry: r.db\nasof:\n  "+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigReadsMonitor(t *testing.T) {
	const days = 24 * time.Hour
	for text, want := range map[string]asof.StatisticsRetention{
		"":                             {Spans: 120, Age: 1825 * days},
		"  monitor:\n":                 {Spans: 120, Age: 1825 * days},
		"  monitor: {retention:}\n":    {Spans: 120, Age: 1825 * days},
		"  monitor: {retention: {}}\n": {Spans: 120, Age: 1825 * days},
		"  monitor: {retention: {spans: 12, age: 400d}}\n": {Spans: 12, Age: 400 * days},
	} {
		c, err := config(t, "project: p\nregistry: r.db\nasof:\n  on_expired: keep\n"+text)
		if err != nil || len(c.Warnings) > 0 || c.Asof.Monitor.Retention != want {
			t.Errorf("%s: %+v, %v %v", text, c.Asof.Monitor, c.Warnings, err)
		}
	}
	for text, want := range map[string]string{
		"monitor: 5":                       "feature_store.yaml:4: asof.monitor holds settings",
		"monitor: {retention: 5y}":         "feature_store.yaml:4: asof.monitor.retention says of how many spans",
		"monitor: {retention: {spans: 0}}": "asof.monitor.retention.spans is 0; write a number above 0",
		"monitor: {retention: {age: 5y}}":  "asof.monitor.retention.age is \"5y\"; write a number of days",
	} {
		if _, err := config(t, "project: p\nregistry: r.db\nasof:\n  "+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigReadsFreshness(t *testing.T) {
	monthly, late := asof.Freshness{DueDay: 5, GraceDays: 10}, asof.Freshness{DueDay: 20}
	for text, want := range map[string]asof.Calendars{
		"monthly, due day 5, grace 10 days": {Default: &monthly},
		"":                                  {},
		"{default: \"monthly, due day 5, grace 10 days\", labels: \"monthly, due day 20\", free: none}": {Default: &monthly, Views: map[string]*asof.Freshness{"labels": &late, "free": nil}},
	} {
		c, err := config(t, "project: p\nregistry: r.db\nasof:\n  freshness: "+text+"\n")
		if err != nil || len(c.Warnings) > 0 || !reflect.DeepEqual(c.Asof.Freshness, want) {
			t.Errorf("%s: %+v, %v %v", text, c.Asof.Freshness, c.Warnings, err)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "is empty",
		"project: [\n":     "not valid YAML",
		"project: p\n":     "`registry` is missing",
		"registry: r.db\n": "`project` is missing",
		"- a\n":            "`key: value` lines",
		"project: p\nregistry: r.db\nentity_key_serialization_version: 1\n":                           "feature_store.yaml:3: entity_key_serialization_version is 1; write 2 or 3",
		"project: p\nregistry: r.db\nentity_key_serialization_version: two\n":                         "feature_store.yaml:3: entity_key_serialization_version has to be a whole number",
		"project: p\nregistry: r.db\nasof: {on_expired: forget}\n":                                    `on_expired is "forget"; write keep or drop`,
		"project: p\nregistry: r.db\nasof:\n  freshness: weekly\n":                                    "feature_store.yaml:4: asof.freshness: \"weekly\" is no calendar: write one like `monthly, due day 5, grace 10 days`",
		"project: p\nregistry: r.db\nasof:\n  freshness:\n    labels: monthly, due day 40\n":          "feature_store.yaml:5: asof.freshness.labels: the day 40",
		"project: p\nregistry: r.db\nasof:\n  serve: {timeout: 5}\n":                                  `feature_store.yaml:4: asof.serve.timeout is "5"; write a time above 0 with its unit`,
		"project: p\nregistry: r.db\nasof:\n  serve:\n    console_url: features.example.com\n":        `feature_store.yaml:5: asof.serve.console_url is "features.example.com"; write the address at which browsers see the console: https://HOST/…`,
		"project: p\nregistry: r.db\nasof:\n  serve:\n    max_entities: 0\n":                          `feature_store.yaml:5: asof.serve.max_entities is 0; write a number above 0`,
		"project: p\nregistry: r.db\nasof:\n  serve:\n    max_requests: many\n":                       `asof.serve.max_requests has to be a whole number`,
		"project: p\nregistry: r.db\nasof:\n  serve: {cache: {entries: -1}}\n":                        `asof.serve.cache.entries is -1`,
		"project: p\nregistry: r.db\nasof:\n  serve: {cache: yes}\n":                                  "asof.serve.cache holds settings",
		"project: p\nregistry: r.db\nfeature_server: {transformation_service_endpoint: localhost}\n":  "feature_server.transformation_service_endpoint is \"localhost\"; write HOST:PORT",
		"project: p\nregistry: r.db\nfeature_server: {metrics: true}\n":                               "feature_server.metrics holds settings",
		"project: p\nregistry: r.db\nfeature_server:\n  metrics: {enabled: 5}\n":                      "feature_server.metrics.enabled has to be",
		"project: p\nregistry: r.db\nfeature_server:\n  metrics:\n    feature_count_bins: [10, 10]\n": "feature_store.yaml:5: feature_server.metrics.feature_count_bins: write at most 100 numbers",
		"project: p\nregistry: r.db\nfeature_server: {metrics: {feature_count_bins: [0]}}\n":          "numbers above 0",
		"project: p\nregistry: r.db\nasof:\n  serve: [features]\n":                                    "asof.serve holds settings",
		"project: p\nregistry: r.db\nasof:\n  connections: crm\n":                                     "feature_store.yaml:4: asof.connections holds databases by name",
		"project: p\nregistry: r.db\nasof:\n  connections:\n    crm: db1\n":                           "feature_store.yaml:5: asof.connections.crm names a database: `crm: {type: postgres",
		"project: p\nregistry: r.db\nasof:\n  connections:\n    warehouse: {host: h}\n":               "feature_store.yaml:5: asof.connections.warehouse: that name stands for the warehouse",
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

func TestConfigMetrics(t *testing.T) {
	c, err := config(t, "project: p\nregistry: r.db\nfeature_server:\n  type: local\n  metrics:\n    enabled: true\n    push: false\n    request: true\n    audit_logging: true\n    feature_count_bins: [5, 20]\n  offline_push_batching_enabled: true\n")
	if err != nil {
		t.Fatal(err)
	}
	if m := c.Metrics; !m.Enabled || !slices.Equal(m.FeatureCountBins, []int{5, 20}) {
		t.Errorf("got %+v", m)
	}
	if len(c.Warnings) != 3 || !strings.Contains(c.Warnings.Error(), ":11: feature_server.offline_push_batching_enabled is ignored") || !strings.Contains(c.Warnings.Error(), ":7: feature_server.metrics.push is ignored") || !strings.Contains(c.Warnings.Error(), ":9: feature_server.metrics.audit_logging is ignored") {
		t.Errorf("got %v", c.Warnings)
	}
}

func TestConfigConnections(t *testing.T) {
	t.Setenv("CRM_PASSWORD", "s3cret")
	const head = "project: p\nregistry: r.db\noffline_store: "
	const databases = "\nasof:\n  connections:\n    crm:\n      host: db1\n      prot: 5432\n      password: ${CRM_PASSWORD}\n    billing: {type: postgres}\n"
	c, err := config(t, head+"duckdb"+databases)
	if err != nil || len(c.Warnings) > 0 || len(c.Asof.Connections) != 2 {
		t.Fatal(err, c.Warnings, c.Asof.Connections)
	}
	crm := c.Asof.Connections["crm"]
	var got postgresSection
	warnings, err := crm.Decode(&got)
	if want := (postgresSection{Host: "db1", Password: "s3cret"}); err != nil || got != want || crm.String() != "asof.connections.crm (postgres)" {
		t.Errorf("got %s %+v, %v", crm, got, err)
	}
	if want := `:8: unknown key "prot" in asof.connections.crm is ignored; did you mean "port"?`; !strings.HasSuffix(warnings.Error(), want) {
		t.Errorf("got %v, want %s", warnings, want)
	}
	for text, want := range map[string]string{
		head + "postgres" + databases:          "asof.connections is ignored: only `offline_store: {type: duckdb}`",
		head + "duckdb\nasof: {connections: }": "",
		head + "duckdb\nasof: {conections: }":  `did you mean "connections"?`,
	} {
		c, err := config(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if said := c.Warnings.Error(); want == "" && len(c.Warnings) > 0 || !strings.Contains(said, want) {
			t.Errorf("%q: warnings: %s, want %q", text, said, want)
		}
	}
}

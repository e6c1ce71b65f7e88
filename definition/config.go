package definition

import (
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/asof-dev/asof"
)

// Config is a repository's feature_store.yaml. The sections of stores are kept
// as they stand until an engine decodes its own; Warnings say what was not
// understood, with its line.
type Config struct {
	Path                  string // of the file
	Dir                   string // of the repository: what relative paths start from
	Project               string
	Description           string
	Provider              string
	KeyVersion            int // entity_key_serialization_version: 2 or 3
	Registry              Section
	Offline               Section
	Online                Section
	Metrics               Metrics
	TransformationService string // feature_server.transformation_service_endpoint: HOST:PORT of Feast's server that computes on-demand features; "" where it is not written
	Auth                  Auth
	Lineage               Lineage
	Asof                  Asof
	Warnings              asof.Problems

	root *ast.MappingNode // the file, with the environment's values put in
}

// Asof is our own top-level section, which Feast ignores.
type Asof struct {
	Warehouse   Section            // asof.warehouse; Type "" where it is left out
	Connections map[string]Section // databases that sources are read from beside the offline store's, by name
	Serve       Serve
	OnExpired   string // "keep" or "drop"
	Python      string // the interpreter for on-demand functions that need one; "" for none
	Notify      []Notify
	Freshness   asof.Calendars
	Answers     Answers
	Retention   asof.RunRetention // of runs of pipelines
	Monitor     Monitor
	Layout      string // of the online store: "asof", "feast", or "" where the store's rows decide
}

// The keys of Feast's file. What we do not use yet is accepted as it is.
var topKeys = []string{"project", "project_description", "provider", "registry", "online_store", "offline_store",
	"entity_key_serialization_version", "auth", "batch_engine", "feature_server", "embedding_model", "flags", "repo_path",
	"coerce_tz_aware", "materialization", "materialization_engine", "openlineage", "mlflow", "data_quality_monitoring", "asof"}

var asofKeys = []string{"warehouse", "connections", "serve", "on_expired", "layout", "python", "notify", "freshness", "pipelines", "monitor", "answers"}

// LoadConfig reads the file at path, for the repository in dir. Environment
// variables ($NAME and ${NAME}) are put in as Feast does; one that is not set
// is left as it stands, with a warning.
func LoadConfig(dir, path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, asof.Errorf(asof.CodeInvalid, "there is no %s: a repository needs one; change to the repository by -c DIR, name the file by -f FILE, or make a repository by `init`", path)
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s can't be read: %w", path, err)
	}
	return ParseConfig(dir, path, text)
}

// ParseConfig is LoadConfig of a text that was read already; path names it in
// messages.
func ParseConfig(dir, path string, text []byte) (*Config, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		// Without the lines around it: they may hold a password.
		return nil, asof.Errorf(asof.CodeInvalid, "%s is not valid YAML: %s", path, yamlMistake(err))
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the folder of the repository: %w", err)
	}
	c := &Config{Path: path, Dir: dir, Provider: "local", KeyVersion: 3, Asof: Asof{OnExpired: "keep", Retention: keptRuns, Monitor: Monitor{Retention: keptStatistics}, Answers: Answers{Folder: "data/answers"}}}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is empty: it needs `project` and `registry`", path)
	}
	reading := &reading{path: path, unset: map[string]bool{}}
	root, ok := reading.expand(file.Docs[0].Body).(*ast.MappingNode)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: write settings as `key: value` lines", path)
	}
	c.root = root
	c.read(reading, root)
	c.Warnings = reading.warnings
	if err := reading.problems.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// read takes the settings from the file's top level.
func (c *Config) read(r *reading, root *ast.MappingNode) {
	values := r.mapping(root, "", topKeys)
	r.text(values["project"], "project", &c.Project)
	r.text(values["project_description"], "project_description", &c.Description)
	r.text(values["provider"], "provider", &c.Provider)
	if v := values["entity_key_serialization_version"]; v != nil {
		r.decode(v, "entity_key_serialization_version", &c.KeyVersion)
		if c.KeyVersion != 2 && c.KeyVersion != 3 {
			r.problem(v, "entity_key_serialization_version is %d; write 2 or 3", c.KeyVersion)
		}
	}
	if c.Project == "" {
		r.problem(root, "`project` is missing; give the project a name")
	}
	c.Registry = r.section(values["registry"], "registry", "registry_type", "path", "file")
	if values["registry"] == nil {
		r.problem(root, "`registry` is missing; write `registry: data/registry.db`")
	}
	c.Offline = r.section(values["offline_store"], "offline_store", "type", "", "dask")
	c.Online = r.section(values["online_store"], "online_store", "type", "", "sqlite")
	c.readServer(r, values["feature_server"])
	c.readAuth(r, values["auth"])
	c.readLineage(r, values["openlineage"])
	if own, ok := values["asof"].(*ast.MappingNode); ok {
		c.readAsof(r, own)
	} else if v := values["asof"]; v != nil && v.Type() != ast.NullType {
		r.problem(v, "`asof` holds settings as `key: value` lines")
	}
}

// WarehouseSection returns asof.warehouse; where it is left out, what goes with
// the offline store: its own database, or the folder `warehouse`.
func (c *Config) WarehouseSection() Section {
	switch {
	case c.Asof.Warehouse.Type != "":
		return c.Asof.Warehouse
	case c.Offline.Type == "postgres":
		return c.Offline
	}
	return Section{Name: "asof.warehouse", Type: "parquet", path: c.Path, bare: "path", word: "warehouse"}
}

func (c *Config) readAsof(r *reading, own *ast.MappingNode) {
	values := r.mapping(own, "asof", asofKeys)
	if values["warehouse"] != nil {
		c.Asof.Warehouse = r.section(values["warehouse"], "asof.warehouse", "type", "path", "parquet")
	}
	if v := values["connections"]; v != nil && v.Type() != ast.NullType {
		c.readConnections(r, v)
	}
	r.text(values["on_expired"], "asof.on_expired", &c.Asof.OnExpired)
	if c.Asof.OnExpired != "keep" && c.Asof.OnExpired != "drop" {
		r.problem(values["on_expired"], "asof.on_expired is %q; write keep or drop", c.Asof.OnExpired)
	}
	r.text(values["python"], "asof.python", &c.Asof.Python)
	r.text(values["layout"], "asof.layout", &c.Asof.Layout)
	if c.Asof.Layout != "" && c.Asof.Layout != "asof" && c.Asof.Layout != "feast" {
		r.problem(values["layout"], "asof.layout is %q; write asof or feast, or leave it out", c.Asof.Layout)
	}
	c.readServe(r, values["serve"])
	c.readNotify(r, values["notify"])
	c.readFreshness(r, values["freshness"])
	c.readPipelines(r, values["pipelines"])
	c.readMonitor(r, values["monitor"])
	c.readAnswers(r, values["answers"])
}

// readConnections reads databases by their names. Only the DuckDB offline store
// has a use for them.
func (c *Config) readConnections(r *reading, n ast.Node) {
	const form = "`%s: {type: postgres, host: …, database: …}`"
	named, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "asof.connections holds databases by name: "+form, "crm")
		return
	}
	if c.Offline.Type == "postgres" {
		r.warn(n, "asof.connections is ignored: only `offline_store: {type: duckdb}` reads from several databases")
	}
	c.Asof.Connections = map[string]Section{}
	for _, item := range named.Values {
		name := item.Key.GetToken().Value
		if name == asof.WarehouseConnection {
			r.problem(item.Key, "asof.connections.%s: that name stands for the warehouse of the offline store; take another", name)
		}
		if _, ok := item.Value.(*ast.MappingNode); !ok {
			r.problem(item.Key, "asof.connections.%s names a database: "+form, name, name)
			continue
		}
		c.Asof.Connections[name] = r.section(item.Value, "asof.connections."+name, "type", "", "postgres")
	}
}

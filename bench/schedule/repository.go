package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const embeddedYAML = `project: clock
provider: local
registry: registry.db
offline_store: {type: duckdb}
online_store: {type: sqlite, path: online_store.db}
entity_key_serialization_version: 3
`

const postgresYAML = `project: clock
provider: local
registry: registry.db
offline_store: {type: postgres, host: 127.0.0.1, port: %[1]d, database: postgres, db_schema: public, user: bench, password: none}
online_store: {type: postgres, host: 127.0.0.1, port: %[1]d, database: postgres, db_schema: public, user: bench, password: none}
entity_key_serialization_version: 3
`

const pipelineYAML = `name: tick_%[1]d
params: {as_of: {type: date, default: today}}
schedule: {every: 1s}
steps:
  - load: ticks_%[1]d
    file: ticks.csv
    key: id
    columns: {id: integer}
`

// writeRepository makes a repository with pipelines that each load a small
// file.
func writeRepository(dir, store string, pipelines int) error {
	files := map[string]string{"feature_store.yaml": store, "ticks.csv": "id\n1\n"}
	for i := range pipelines {
		files[filepath.Join("pipelines", fmt.Sprintf("tick_%d.yaml", i))] = fmt.Sprintf(pipelineYAML, i)
	}
	if err := os.MkdirAll(filepath.Join(dir, "pipelines"), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"os"
	"path/filepath"
)

const embeddedYAML = `project: load
provider: local
registry: registry.db
offline_store: {type: duckdb}
online_store: {type: sqlite, path: online_store.db}
entity_key_serialization_version: 3
`

const postgresYAML = `project: load
provider: local
registry: registry.db
offline_store: {type: postgres, host: 127.0.0.1, port: %[1]d, database: postgres, db_schema: ours, user: bench, password: none}
online_store: {type: postgres, host: 127.0.0.1, port: %[1]d, database: postgres, db_schema: ours, user: bench, password: none}
entity_key_serialization_version: 3
`

const pipelineYAML = `name: load
params: {as_of: {type: date}, file: {type: string}}
steps:
  - load: rows
    file: "{{file}}"
    key: user_id
    columns:
      user_id: text
      signup_date: date
      plan_stream_tv: boolean
      months_active: integer
      monthly_fee: numeric(8,2)
      watch_hours: double precision
      net_service: text
      seen: timestamptz
      views: bigint
`

// writeRepository makes a repository with one pipeline.
func writeRepository(dir, store string) error {
	if err := os.MkdirAll(filepath.Join(dir, "pipelines"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "feature_store.yaml"), []byte(store), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "pipelines", "load.yaml"), []byte(pipelineYAML), 0o644)
}

// pipelineRun loads the file of data by the repository's pipeline.
func pipelineRun(program, repo, data string) []string {
	return []string{program, "-c", repo, "pipeline", "run", "load", "as_of=2024-01-31", "file=" + filepath.Join(data, "rows.csv"), "--output", "json"}
}

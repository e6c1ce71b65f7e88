//go:build !duckdb_arrow

package duckdb

// DuckDB's driver leaves its Arrow interface out of a build without the tag.
var _ = build_Asof_with_the_tag_duckdb_arrow__as_make_build_does

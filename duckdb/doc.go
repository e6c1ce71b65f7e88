// Package duckdb is everything that Asof does with DuckDB, in the process: the
// offline store over Parquet and CSV files, and the embedded warehouse, a
// folder of Parquet files that the store's SQL sees as tables.
//
// DuckDB's databases are in memory and opened when first needed; what is kept
// is kept in files. A build needs the tag duckdb_arrow.
package duckdb

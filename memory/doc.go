// Package memory holds the contracts of the feature store in memory: small,
// plain implementations that the conformance suites hold the real stores
// against, and that tests use where no store matters.
package memory

// Package postgres is everything that Asof keeps in PostgreSQL (15 and later)
// on one pool of connections: the offline store, the warehouse, the online
// store and the ledger.
package postgres

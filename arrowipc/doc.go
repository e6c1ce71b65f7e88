// Package arrowipc takes Arrow IPC that somebody else wrote. The Arrow library
// believes what such bytes say of themselves: it makes room for as many fields
// as they promise, and panics where an offset lies outside its values. Here they
// are held against their own size first, so that a few bytes never cost much
// memory, and every batch is checked to the last offset before it is used.
package arrowipc

//go:build !linux

package run

// process knows nothing of processes here: leases alone tell who is dead.
func process(int) string { return "" }

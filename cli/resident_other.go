//go:build !linux

package cli

// forgetStart does nothing where pages can't be let go.
func forgetStart() {}

package storetest

import (
	"fmt"
	"os"
	"path/filepath"
)

// cacheDir returns the module's .cache, where the Makefile and the tests keep
// what takes long to make.
func cacheDir() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			cache := filepath.Join(dir, ".cache")
			return cache, os.MkdirAll(cache, 0o755)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("tests run inside the module, and no go.mod is above %s", wd)
		}
	}
}

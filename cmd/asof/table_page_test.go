package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every row of a table has as many cells as its head: what is more is not shown,
// and a line that was lost shows as a row that is less.
func TestTablesOfPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, name := range append(pages, "../../README.md", "../../ARCHITECTURE.md") {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head := 0
		for i, line := range strings.Split(string(page), "\n") {
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if !strings.HasPrefix(line, "|") {
				head = 0
			} else if head == 0 {
				head = cells
			} else if cells != head {
				t.Errorf("%s:%d: %d cells, and the head has %d", filepath.Base(name), i+1, cells-1, head-1)
			}
		}
	}
}

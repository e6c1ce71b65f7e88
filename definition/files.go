package definition

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// ignoredAlways are the patterns that Feast adds to those of .feastignore, and
// what else is never a definition.
var ignoredAlways = []string{".git", ".venv", "venv", "**/.ipynb_checkpoints", "**/.pytest_cache", "**/__pycache__", "**/site-packages"}

// files lists a repository's Python files as Feast does: all below the folder,
// sorted, without those that .feastignore excludes. Package files
// (__init__.py) are run only when they are imported.
func files(repository fs.FS) ([]string, error) {
	ignored, err := ignorePatterns(repository)
	if err != nil {
		return nil, err
	}
	var all []string
	err = fs.WalkDir(repository, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && p != "." && matches(ignored, p):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(p) != ".py" || path.Base(p) == "__init__.py" || matches(ignored, p):
			return nil
		}
		all = append(all, p)
		return nil
	})
	slices.Sort(all)
	return all, err
}

// Stamp returns a text that changes when the files do that Load reads.
func Stamp(config *Config) (string, error) {
	repository := os.DirFS(config.Dir)
	ignored, err := ignorePatterns(repository)
	if err != nil {
		return "", err
	}
	var stamp strings.Builder
	err = fs.WalkDir(repository, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && p != "." && matches(ignored, p):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(p) != ".py" && p != ".feastignore":
			return nil
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintf(&stamp, "%q %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	return stamp.String(), err
}

func ignorePatterns(repository fs.FS) ([]*regexp.Regexp, error) {
	text, err := fs.ReadFile(repository, ".feastignore")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	patterns := slices.Clone(ignoredAlways)
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			patterns = append(patterns, line)
		}
	}
	var compiled []*regexp.Regexp
	for _, p := range patterns {
		compiled = append(compiled, glob(p))
	}
	return compiled, nil
}

// glob turns a pattern of pathlib into a regular expression: ** stands for any
// folders, * for a part of a name. A folder that matches excludes all below it.
func glob(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	parts := strings.Split(strings.Trim(path.Clean(pattern), "/"), "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "**" && last:
			b.WriteString(".*")
		case part == "**":
			b.WriteString("(?:.*/)?")
		default:
			b.WriteString(globPart(part))
			if !last {
				b.WriteString("/")
			}
		}
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

func globPart(part string) string {
	var b strings.Builder
	for len(part) > 0 {
		r, size := utf8.DecodeRuneInString(part)
		end := strings.IndexByte(part, ']')
		switch {
		case r == '*':
			b.WriteString("[^/]*")
		case r == '?':
			b.WriteString("[^/]")
		case r == '[' && end > 1:
			set := strings.ReplaceAll(regexp.QuoteMeta(part[1:end]), `\-`, "-")
			if after, ok := strings.CutPrefix(set, "!"); ok {
				set = "^" + after
			}
			if _, err := regexp.Compile("[" + set + "]"); err == nil {
				b.WriteString("[" + set + "]")
			}
			size = end + 1
		default:
			b.WriteString(regexp.QuoteMeta(part[:size]))
		}
		part = part[size:]
	}
	return b.String()
}

func matches(patterns []*regexp.Regexp, p string) bool {
	return slices.ContainsFunc(patterns, func(r *regexp.Regexp) bool { return r.MatchString(p) })
}

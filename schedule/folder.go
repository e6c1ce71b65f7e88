package schedule

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Folder watches for folders of files that are complete: one run for each.
type Folder struct {
	Root    string        // that relative paths start from
	Pattern string        // of the folders; {name} stands for a part of a path, and finds a parameter
	Files   []string      // which are needed, below the folder; they may hold *, ? and [a-z]
	Marker  string        // a file that says by itself that all are there; "" where there is none
	Settle  time.Duration // for which nothing has to change, where there is no marker
}

// Found is a folder that fits the pattern.
type Found struct {
	Path     string            // as the pattern begins it
	Params   map[string]string // what the names of the pattern stand for
	Complete bool              // all files are there, or the marker is
	Changed  time.Time         // when its newest file was written, or one came or went
	Bytes    int64             // of its files
}

var capture = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Captures returns the names in a pattern. A pattern has one at least, each
// once, and none of the characters of file patterns.
func Captures(pattern string) ([]string, error) {
	var names []string
	for _, match := range capture.FindAllStringSubmatch(pattern, -1) {
		if slices.Contains(names, match[1]) {
			return nil, asof.Errorf(asof.CodeInvalid, "folder %q has {%s} twice", pattern, match[1])
		}
		names = append(names, match[1])
	}
	switch rest := capture.ReplaceAllString(pattern, ""); {
	case len(names) == 0:
		return nil, asof.Errorf(asof.CodeInvalid, "folder %q finds no parameter; write {name} for the part that differs, as in data/{month}", pattern)
	case strings.ContainsAny(rest, `*?[]{}\`):
		return nil, asof.Errorf(asof.CodeInvalid, "folder %q may hold {name}, and not the characters * ? [ ] { } \\", pattern)
	}
	return names, nil
}

// Look returns the folders that are there, in the order of their paths. What
// goes away while it looks is left out.
func (f Folder) Look() ([]Found, error) {
	fixed, rest := f.split()
	base := filepath.FromSlash(fixed)
	if !filepath.IsAbs(base) {
		base = filepath.Join(f.Root, base)
	}
	files := os.DirFS(base)
	matches, err := fs.Glob(files, capture.ReplaceAllString(rest, "*"))
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "folder %q can't be looked for: %w", f.Pattern, err)
	}
	names, parts := expression(rest)
	var found []Found
	for _, match := range matches {
		values := parts.FindStringSubmatch(match)
		info, err := fs.Stat(files, match)
		if err != nil || !info.IsDir() || values == nil || slices.ContainsFunc(values[1:], hidden) {
			continue
		}
		one := Found{Path: path.Join(fixed, match), Params: map[string]string{}}
		for i, name := range names {
			one.Params[name] = values[1+i]
		}
		if err := f.measure(&one, files, match); err != nil {
			return nil, asof.Errorf(asof.CodeUnavailable, "folder %s can't be read: %w", one.Path, err)
		}
		found = append(found, one)
	}
	return found, nil
}

// split returns the folders that the pattern names, and the rest of it, from
// its first {name} on.
func (f Folder) split() (fixed, rest string) {
	parts := strings.Split(path.Clean(filepath.ToSlash(f.Pattern)), "/")
	first := slices.IndexFunc(parts, capture.MatchString)
	if fixed = strings.Join(parts[:first], "/"); first == 1 && fixed == "" {
		fixed = "/"
	}
	return fixed, strings.Join(parts[first:], "/")
}

// hidden reports whether a name is one that programs give to what they are
// still copying.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// expression returns the names in a pattern, and what finds their values.
func expression(pattern string) (names []string, parts *regexp.Regexp) {
	var text strings.Builder
	last := 0
	for _, at := range capture.FindAllStringSubmatchIndex(pattern, -1) {
		names = append(names, pattern[at[2]:at[3]])
		text.WriteString(regexp.QuoteMeta(pattern[last:at[0]]) + "([^/]+)")
		last = at[1]
	}
	text.WriteString(regexp.QuoteMeta(pattern[last:]))
	return names, regexp.MustCompile("^" + text.String() + "$")
}

// measure finds out how a folder stands; Changed is to the microsecond.
func (f Folder) measure(one *Found, all fs.FS, folder string) error {
	var files []string
	err := fs.WalkDir(all, folder, func(p string, entry fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		}
		if changed := info.ModTime().UTC().Truncate(time.Microsecond); changed.After(one.Changed) {
			one.Changed = changed
		}
		if !entry.IsDir() && !hidden(entry.Name()) {
			files = append(files, strings.TrimPrefix(p, folder+"/"))
			one.Bytes += info.Size()
		}
		return nil
	})
	needed := f.Files
	if f.Marker != "" {
		needed = []string{f.Marker}
	}
	there := func(name string) bool {
		return slices.ContainsFunc(files, func(file string) bool { return fits(name, file) })
	}
	one.Complete = len(files) > 0 && !slices.ContainsFunc(needed, func(name string) bool { return !there(name) })
	return err
}

// fits reports whether a pattern is that of a file, or of a folder above it.
func fits(pattern, file string) bool {
	for ; file != "."; file = path.Dir(file) {
		if ok, _ := path.Match(pattern, file); ok || pattern == file {
			return true
		}
	}
	return false
}

// Settling remembers since when folders are as they are. The zero value has
// seen none.
type Settling struct {
	seen map[string]quiet // by path
}

// quiet is how a folder was, and since when.
type quiet struct {
	changed time.Time
	bytes   int64
	since   time.Time
}

// Ready returns those of the folders that are complete and have not changed for
// as long as f says, and when to look again at those that have to settle yet;
// zero where there are none. It trusts what it has seen itself, and not the
// times of files, which a copy may have from elsewhere.
func (s *Settling) Ready(f Folder, found []Found, now time.Time) (ready []Found, again time.Time) {
	seen := map[string]quiet{}
	for _, one := range found {
		q, known := s.seen[one.Path]
		if !known || !q.changed.Equal(one.Changed) || q.bytes != one.Bytes || q.since.After(now) {
			q = quiet{one.Changed, one.Bytes, now}
		}
		seen[one.Path] = q
		settled := q.since.Add(f.Settle)
		switch {
		case !one.Complete:
		case f.Marker != "" || !settled.After(now):
			ready = append(ready, one)
		case again.IsZero() || settled.Before(again):
			again = settled
		}
	}
	s.seen = seen
	return ready, again
}

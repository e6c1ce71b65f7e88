package tablefile

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/asof-dev/asof"
)

// Format is how the rows of a file are written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	Parquet   Format = "parquet"
	JSONLines Format = "jsonl"
)

// Formats are all of them.
var Formats = []Format{CSV, Parquet, JSONLines}

// endings are what the names of files end with, before that of their
// compression.
var endings = map[string]Format{".csv": CSV, ".tsv": CSV, ".txt": CSV, ".parquet": Parquet, ".jsonl": JSONLines, ".ndjson": JSONLines, ".json": JSONLines}

// formatOf returns the format that a name says, "" for none.
func formatOf(name string) Format {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	return endings[filepath.Ext(name)]
}

// input is one file.
type input struct {
	form  *Form
	path  string
	name  string            // in messages
	given map[string]string // by column, values that stand in none of its cells
}

func (in input) format() Format {
	if in.form.Format != "" {
		return in.form.Format
	}
	if format := formatOf(in.name); format != "" {
		return format
	}
	return CSV
}

// Find finds the files at a path, which messages call name, sorted by name: the
// file, or all that match a pattern, or those below a folder whose names end as
// the format's do. Constants are the values of columns that the files do not
// have.
func Find(form Form, path, name string, constants map[string]string) (Files, error) {
	files := Files{form: &form}
	paths, err := files.paths(path, name)
	if err != nil {
		return files, err
	}
	files.inputs = make([]input, len(paths))
	var problems asof.Problems
	for i, p := range paths {
		in := input{form: files.form, path: p, name: name, given: maps.Clone(constants)}
		if in.given == nil {
			in.given = map[string]string{}
		}
		if p != path {
			in.name = p
			if rel, err := filepath.Rel(path, p); err == nil && !strings.HasPrefix(rel, "..") {
				in.name = filepath.Join(name, rel)
			} else if root := strings.TrimSuffix(path, name); root != path {
				in.name = strings.TrimPrefix(p, root)
			}
		}
		for column, pattern := range form.FromPath {
			m := regexp.MustCompile(pattern).FindStringSubmatch(filepath.ToSlash(in.name))
			if m == nil {
				problems = append(problems, asof.Problem{Place: asof.Place{File: in.name},
					Message: "the name does not match " + pattern + ", from which column " + column + " is taken"})
				continue
			}
			in.given[column] = m[len(m)-1]
		}
		files.inputs[i] = in
	}
	if len(problems) > 0 {
		files.inputs = nil
	}
	return files, problems.Err()
}

func (f Files) paths(path, name string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return []string{path}, nil
	case err == nil:
		return f.below(path, name)
	case !errors.Is(err, fs.ErrNotExist) || !strings.ContainsAny(name, "*?["):
		return nil, missingFile(path, name, err)
	}
	paths, err := filepath.Glob(path)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is no pattern of files: %w", name, err)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(p)
		return err != nil || info.IsDir()
	})
	if len(paths) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "no file matches %s", name)
	}
	return paths, nil
}

// below lists the files of a folder. Names that start with a dot or an
// underscore are not data.
func (f Files) below(path, name string) (paths []string, err error) {
	wanted := f.form.Format
	if wanted == "" {
		wanted = CSV
	}
	other := map[Format]bool{}
	err = filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		hidden := p != path && strings.ContainsAny(entry.Name()[:1], "._")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden:
		case formatOf(entry.Name()) == wanted:
			paths = append(paths, p)
		default:
			other[formatOf(entry.Name())] = true
		}
		return nil
	})
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the folder %s cannot be read: %w", name, err)
	}
	if len(paths) > 0 {
		return paths, nil
	}
	for _, format := range Formats {
		if other[format] {
			return nil, asof.Errorf(asof.CodeInvalid, "the folder %s holds no %s files, and %s files; set `format: %s`", name, wanted, format, format)
		}
	}
	return nil, asof.Errorf(asof.CodeInvalid, "the folder %s holds no %s files", name, wanted)
}

// open opens the file, and returns its text: unpacked, and in UTF-8. Its bytes
// are written to copied, where that is not nil.
func (in input) open(copied io.Writer) (file *os.File, text io.Reader, err error) {
	if file, err = os.Open(in.path); err != nil {
		return nil, nil, missingFile(in.path, in.name, err)
	}
	text = file
	if copied != nil {
		text = io.TeeReader(text, copied)
	}
	if text, err = unpacked(in.path, text); err != nil {
		return nil, nil, errors.Join(asof.Errorf(asof.CodeInvalid, "%s cannot be unpacked: %w", in.name, err), file.Close())
	}
	switch in.form.CSV.Encoding {
	case Latin1:
		text = charmap.ISO8859_1.NewDecoder().Reader(text)
	case Windows1252:
		text = charmap.Windows1252.NewDecoder().Reader(text)
	case UTF16:
		text = transform.NewReader(text, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	}
	return file, text, nil
}

// unpacked returns what a file says once it is unpacked, by the end of its name.
func unpacked(path string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz":
		return gzip.NewReader(r)
	case ".zst":
		packed, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, err
		}
		return packed.IOReadCloser(), nil
	}
	return r, nil
}

// missingFile says what is there instead of a file.
func missingFile(path, name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", name, err)
	}
	dir, wanted := filepath.Dir(path), filepath.Base(path)
	for {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir, wanted = filepath.Dir(dir), filepath.Base(dir)
			continue
		}
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name()
		}
		return asof.Errorf(asof.CodeInvalid, "there is no file %s: the folder %s holds no %q%s", name, dir, wanted, asof.DidYouMean(wanted, names))
	}
}

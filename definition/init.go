package definition

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// templates holds a folder for each template. A file whose name starts with
// "dot." gets a name that starts with "." (here it would act on our own
// repository); {{project}} in its text becomes the project's name.
//
//go:embed template
var templates embed.FS

// projectName is Feast's rule for names, without the hyphen, which Feast
// refuses where the online store is SQLite.
var projectName = regexp.MustCompile(`^[\pL\pN][\pL\pN_]*$`)

// Templates returns the names of the templates, sorted.
func Templates() []string {
	entries, err := templates.ReadDir("template")
	if err != nil {
		panic(err) // it is part of the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// Init makes a repository from a template in dir, which is created where it
// does not exist, and returns the files that it wrote, relative to dir. It
// refuses a dir that holds anything (CodeConflict), a project name that Feast
// would refuse and a template that there is not (CodeInvalid).
func Init(dir, project, template string) ([]string, error) {
	if !projectName.MatchString(project) {
		return nil, asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a project: use letters, digits and underscores, and do not start with an underscore", project)
	}
	if names := Templates(); !slices.Contains(names, template) {
		return nil, asof.Errorf(asof.CodeInvalid, "there is no template %q: take one of %s", template, strings.Join(names, ", "))
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, asof.Errorf(asof.CodeInvalid, "cannot make a repository: %w", err)
	}
	if len(entries) > 0 {
		return nil, asof.Errorf(asof.CodeConflict, "%s is not empty: name a new folder for the repository, or empty this one", dir)
	}
	files, err := writeTemplate(dir, project, path.Join("template", template))
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "cannot make a repository: %w", err)
	}
	return files, nil
}

// writeTemplate writes the files below root into dir.
func writeTemplate(dir, project, root string) (files []string, err error) {
	err = fs.WalkDir(templates, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		file := strings.TrimPrefix(name, root+"/")
		if rest, ok := strings.CutPrefix(file, "dot."); ok {
			file = "." + rest
		}
		target := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		files = append(files, file)
		return os.WriteFile(target, []byte(strings.ReplaceAll(string(text), "{{project}}", project)), 0o644)
	})
	return files, err
}

package pipeline

import (
	"path/filepath"

	"github.com/asof-dev/asof/tablefile"
)

// find finds the files of a load with those values.
func (l *LoadStep) find(v Values, repo string) (loadFiles, error) {
	files := loadFiles{name: v.fill(l.File)}
	path := files.name
	if !filepath.IsAbs(path) {
		path = filepath.Join(repo, path)
	}
	constants := map[string]string{}
	for column, value := range l.Constants {
		constants[column] = v.fill(value)
	}
	var err error
	files.Files, err = tablefile.Find(l.Form, path, files.name, constants)
	return files, err
}

// MissingFiles returns, for each load of a run with those values that would find
// no files in the repository by now, why: first those that fail, then those that
// an earlier step, a command or a request, may still make.
func (p *Pipeline) MissingFiles(v Values, repo string) (fail, later []error) {
	makes := false
	for _, s := range p.Steps {
		switch {
		case !s.When.Holds(v):
		case s.Command != nil || s.HTTP != nil || s.TrainingSet != nil:
			makes = true
		case s.Load != nil && s.Load.Query == "":
			_, err := s.Load.find(v, repo)
			if err != nil && makes {
				later = append(later, err)
			} else if err != nil {
				fail = append(fail, err)
			}
		}
	}
	return fail, later
}

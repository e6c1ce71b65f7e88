package pipeline

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof/schedule"
)

// defaultSettle is for how long the files of a folder must not change.
const defaultSettle = time.Minute

// schedules reads the schedules of a pipeline, whose steps have been read.
func (f *fileReader) schedules(n ast.Node) {
	if n == nil {
		return
	}
	list := []ast.Node{n}
	if _, ok := n.(*ast.SequenceNode); ok {
		list = f.items(n, "schedule")
	}
	for _, n := range list {
		s := Schedule{Place: f.place(n)}
		if f.schedule(n, &s) {
			f.p.Schedules = append(f.p.Schedules, s)
		}
	}
}

// schedule reads one, and reports whether it says when.
func (f *fileReader) schedule(n ast.Node, s *Schedule) bool {
	values := f.object(n, "a schedule", scheduleKeys)
	kind := ""
	for _, k := range []string{"cron", "every", "folder"} {
		if values[k] != nil && kind != "" {
			f.problem(values[k], "a schedule has both `%s` and `%s`: make two of it, in a list", kind, k)
			return false
		}
		if values[k] != nil {
			kind = k
		}
	}
	if kind == "" {
		f.problem(n, "a schedule needs `cron`, `every` or `folder`: when it runs")
		return false
	}
	text := f.text(values[kind], kind)
	s.Text, s.CatchUp, s.Params = kind+" "+text, schedule.CatchUpLast, f.scheduleParams(values["params"])
	if slices.ContainsFunc(f.p.Schedules, func(other Schedule) bool { return other.Text == s.Text }) {
		f.problem(values[kind], "there are two schedules %s", s.Text)
		return false
	}
	if kind == "folder" {
		s.CatchUp = schedule.CatchUpAll
		s.Folder = f.folder(values, text)
	} else {
		s.Times = f.timetable(values, kind, text)
	}
	if word := values["catch_up"]; word != nil {
		catchUp, err := schedule.ParseCatchUp(f.text(word, "catch_up"))
		if err != nil {
			f.problem(word, "%s", err)
		}
		s.CatchUp = catchUp
	}
	if s.Times == nil && s.Folder == nil {
		return false
	}
	given := s.given()
	for _, p := range f.p.Params {
		if p.Required && !slices.Contains(given, p.Name) {
			f.problem(n, "the parameter %s has no default: add it to the `params` of the schedule", p.Name)
		}
	}
	return true
}

// timetable reads `cron` or `every`; nil where it is wrong.
func (f *fileReader) timetable(values map[string]ast.Node, kind, text string) schedule.Timetable {
	for _, k := range []string{"files", "marker", "settle"} {
		if values[k] != nil {
			f.problem(values[k], "`%s` belongs to a schedule with `folder`", k)
		}
	}
	var times schedule.Timetable
	var err error
	if kind == "every" {
		times, err = schedule.Every(f.duration(values[kind], kind, time.Second), time.Unix(0, 0))
	} else {
		zone := f.p.Zone
		if zone == nil {
			zone = time.UTC
		}
		times, err = schedule.Cron(text, zone)
	}
	if err != nil {
		f.problem(values[kind], "%s", err)
		return nil
	}
	return times
}

// folder reads what a folder has to be like; nil where its path is wrong.
func (f *fileReader) folder(values map[string]ast.Node, text string) *schedule.Folder {
	n := values["folder"]
	names, err := schedule.Captures(placeholder.ReplaceAllString(text, "x"))
	if err != nil {
		f.problem(n, "%s", strings.ReplaceAll(err.Error(), placeholder.ReplaceAllString(text, "x"), text))
		return nil
	}
	for _, name := range names {
		if f.p.param(name) == nil {
			f.problem(n, "{%s}: %s", name, f.p.noParam(name))
		}
	}
	folder := &schedule.Folder{Pattern: f.plain(n, text), Files: f.texts(values["files"], "files"), Marker: f.text(values["marker"], "marker"), Settle: f.duration(values["settle"], "settle", defaultSettle)}
	if folder.Marker == "" && values["files"] == nil {
		if folder.Files = f.filesBelow(text); len(folder.Files) == 0 {
			f.problem(n, "no step loads a file of such a folder: say which `files` it is complete with, or its `marker`")
		}
	}
	for _, file := range folder.Files {
		if _, err := path.Match(file, ""); err != nil {
			f.problem(values["files"], "%q is no pattern of a file: a [ needs its ]", file)
		}
	}
	return folder
}

// plain puts the defaults of parameters into a path.
func (f *fileReader) plain(n ast.Node, text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		p := f.p.param(name)
		switch {
		case p == nil:
			f.problem(n, "folder: %s", f.p.noParam(name))
		case p.Required || p.timed() || placeholder.MatchString(p.Default):
			f.problem(n, "folder: {{%s}} needs a default that is the same for all runs; where runs differ in it, write {%s}", name, name)
		default:
			return p.Default
		}
		return ""
	})
}

var single = regexp.MustCompile(`\{\w+\}`)

// filesBelow are the files and folders of load steps below such a folder, but
// for those that are loaded on a condition. What differs in their names from run
// to run is any text.
func (f *fileReader) filesBelow(folder string) (files []string) {
	alike := func(text string) string { return path.Clean(placeholder.ReplaceAllString(text, "{$1}")) }
	for _, s := range f.p.Steps {
		if s.Load == nil || s.When != nil {
			continue
		}
		if alike(s.Load.File) == alike(folder) {
			files = append(files, "*")
		}
		if below, ok := strings.CutPrefix(alike(s.Load.File), alike(folder)+"/"); ok {
			files = append(files, single.ReplaceAllString(below, "*"))
		}
	}
	return files
}

// scheduleParams reads the values that a schedule gives.
func (f *fileReader) scheduleParams(n ast.Node) map[string]string {
	if n == nil {
		return nil
	}
	given := map[string]string{}
	for _, e := range f.entries(n, "params") {
		p := f.p.param(e.name)
		if p == nil {
			f.problem(e.key, "%s", f.p.noParam(e.name))
			continue
		}
		f.defaultValue(e.value, *p)
		given[e.name] = f.text(e.value, e.name)
	}
	return given
}

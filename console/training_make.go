package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// Bounds of an order: of the file that is sent with it, of the days of a
// snapshot that are offered, and of the features that are filled in beforehand.
const (
	uploadBytes    = 64 << 20
	daysOffered    = 24
	featuresFilled = 200
)

// The kinds of entity rows, as the form has them; a snapshot's table and day
// stand behind snapshotRows.
const (
	snapshotRows = "snapshot:"
	dayRows      = "day"
	fileRows     = "file"
)

func mayMake(_ context.Context, c *Console, _ *request) error {
	if c.o.Training == nil {
		return errNoTraining
	}
	return nil
}

// orders reports whether the caller is offered to make sets.
func (c *Console) orders(r *request) bool {
	return c.o.Training != nil && c.o.Runs != nil && c.protect.admits(r.Request) == nil
}

// askMake is the form of an order, and says what will be made.
func askMake(ctx context.Context, c *Console, r *request) (*question, error) {
	var tables []historical.SnapshotTable
	var missing error
	if c.o.Training.Snapshots != nil {
		tables, missing = c.o.Training.Snapshots(ctx)
	}
	if r.Method == "GET" {
		fillIn(r, tables)
	}
	sent, mistake := c.received(r)
	q := &question{Title: r.say("training.new"), On: "training set " + r.value("name"), Back: "/training", Button: r.say("make.button"), Inputs: orderInputs(r, tables)}
	if missing != nil { // the other kinds of rows are there
		q.Mistake = c.told(r.Request, missing)
	}
	if mistake != nil || r.Method == "GET" {
		return q, mistake
	}
	o, err := order(r)
	if err != nil {
		return q, err
	}
	rows, err := c.o.Training.Check(ctx, o)
	if err != nil {
		return q, err
	}
	switch {
	case o.Upload != "":
		q.Will = append(q.Will, r.say("make.rows.file", rows, sent))
	case o.Snapshot != "":
		q.Will = append(q.Will, r.say("make.rows.snapshot", o.Snapshot, o.Day.Format(time.DateOnly)))
	default:
		q.Will = append(q.Will, r.say("make.rows.day", o.Day.Format(time.DateOnly)))
	}
	q.Will = append(q.Will, r.say("make.features.will", cmp.Or(o.Service, strings.Join(o.References, ", "))), r.say("make.place", o.Name))
	return q, nil
}

// received keeps the file that was sent with a form, and has the form name it;
// it returns what the file is called.
func (c *Console) received(r *request) (name string, err error) {
	if r.MultipartForm == nil || len(r.MultipartForm.File["file"]) == 0 {
		return r.value("sent"), nil
	}
	header := r.MultipartForm.File["file"][0]
	file, err := header.Open()
	if err != nil {
		return "", err
	}
	defer file.Close()
	id, err := c.o.Training.Receive(header.Filename, file)
	if err != nil {
		return "", err
	}
	r.form.Set("upload", id)
	r.form.Set("sent", header.Filename)
	r.form.Set("rows", fileRows)
	return header.Filename, nil
}

// order reads the form.
func order(r *request) (historical.Order, error) {
	o := historical.Order{Name: r.value("name"), Service: r.value("service"), Label: r.value("label"), FullNames: r.value("full_names") == "yes", CreatedCutoff: r.value("cutoff") == "yes",
		References: strings.FieldsFunc(r.form.Get("features"), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t' })}
	day, rows := r.value("day"), r.value("rows")
	if table, ok := strings.CutPrefix(rows, snapshotRows); ok {
		at := strings.LastIndex(table, ":")
		o.Snapshot, day = table[:max(at, 0)], table[at+1:]
	}
	if rows == fileRows {
		if o.Upload = r.value("upload"); o.Upload == "" {
			return o, asof.Errorf(asof.CodeInvalid, "%s", r.say("make.nofile"))
		}
		return o, nil
	}
	var err error
	if o.Day, err = time.Parse(time.DateOnly, day); err != nil {
		return o, asof.Errorf(asof.CodeInvalid, "%s", r.say("make.noday", day))
	}
	return o, nil
}

// orderInputs are the fields of the form.
func orderInputs(r *request, tables []historical.SnapshotTable) []input {
	texts := map[string]string{dayRows: r.say("make.rows.each"), fileRows: r.say("make.rows.sent")}
	var rows []string
	for _, t := range tables {
		for _, day := range t.Days[:min(len(t.Days), daysOffered)] {
			code := snapshotRows + t.Name + ":" + day.Format(time.DateOnly)
			rows, texts[code] = append(rows, code), t.Name+", "+day.Format(time.DateOnly)
		}
	}
	var services []string
	for _, s := range r.snapshot.Services() {
		services = append(services, s.Name)
	}
	file := r.say("make.file.help", uploadBytes>>20)
	if sent := r.value("sent"); sent != "" {
		file = r.say("make.file.sent", sent)
	}
	answers := map[string]string{"no": r.say("make.no"), "yes": r.say("set.yes")}
	inputs := []input{{Name: "name", Type: "text", Required: true, Help: r.say("make.name.help")}}
	if len(services) > 0 {
		inputs = append(inputs, input{Name: "service", Type: "select", Choices: append([]string{""}, services...), Texts: map[string]string{"": "–"}, Help: r.say("make.service.help")})
	}
	inputs = append(inputs, input{Name: "features", Type: "textarea", Help: r.say("make.features.help")},
		input{Name: "rows", Type: "select", Required: true, Choices: append(rows, dayRows, fileRows), Texts: texts},
		input{Name: "day", Type: "date", Help: r.say("make.day.help")},
		input{Name: "file", Type: "file", Help: file},
		input{Name: "label", Type: "text", Help: r.say("make.label.help")},
		input{Name: "full_names", Type: "select", Choices: []string{"no", "yes"}, Texts: answers},
		input{Name: "cutoff", Type: "select", Choices: []string{"no", "yes"}, Texts: answers},
		input{Name: "upload", Type: "hidden"}, input{Name: "sent", Type: "hidden"})
	for i := range inputs {
		if inputs[i].Type != "hidden" {
			inputs[i].Label = r.say("make." + inputs[i].Name)
		}
		inputs[i].Value = r.value(inputs[i].Name)
	}
	return inputs
}

// fillIn fills in what an empty form lacks, so that the newest training set is
// one click: the users and labels of the newest snapshot, with the features of
// the first service, or else all that have the same keys.
func fillIn(r *request, tables []historical.SnapshotTable) {
	preset := func(name, value string) {
		if !r.form.Has(name) {
			r.form.Set(name, value)
		}
	}
	if len(tables) == 0 || len(tables[0].Days) == 0 {
		preset("rows", dayRows)
		preset("day", time.Now().UTC().Format(time.DateOnly))
		return
	}
	table, label := labelled(r.snapshot, tables)
	day := table.Days[0].Format(time.DateOnly)
	preset("rows", snapshotRows+table.Name+":"+day)
	preset("label", label)
	preset("name", "training-"+day)
	if services := r.snapshot.Services(); len(services) > 0 && !r.form.Has("features") {
		preset("service", services[0].Name)
		return
	}
	var features []string
	for _, v := range r.snapshot.Views() {
		if len(v.JoinKeys()) == 0 || slices.ContainsFunc(v.JoinKeys(), func(k string) bool { return !slices.Contains(table.Keys, k) }) {
			continue
		}
		for _, f := range v.Features {
			features = append(features, v.Name+":"+f.Name)
		}
	}
	preset("features", strings.Join(features[:min(len(features), featuresFilled)], "\n"))
}

// labelled returns the table whose rows have what no view has, and the name of
// that; else the first table.
func labelled(s *asof.Snapshot, tables []historical.SnapshotTable) (historical.SnapshotTable, string) {
	known := map[string]bool{}
	for _, v := range s.Views() {
		for _, f := range v.Features {
			known[f.Name] = true
		}
	}
	for _, t := range tables {
		at := slices.IndexFunc(t.Columns, func(c string) bool { return !known[c] })
		if at >= 0 && len(t.Days) > 0 {
			return t, t.Columns[at]
		}
	}
	return tables[0], ""
}

func doMake(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	o, err := order(r)
	if err != nil {
		return done{}, err
	}
	o.By, _ = c.who(r.Request)
	job, err := c.o.Training.Make(ctx, o)
	if err != nil {
		return done{}, err
	}
	return done{to: "/training/job/" + job.ID, said: r.say("make.begun", o.Name), outcome: fmt.Sprintf("training set %s is being made", o.Name)}, nil
}

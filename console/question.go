package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/asof-dev/asof"
)

// question is the page of an action.
type question struct {
	Title   string   `json:"title"`
	On      string   `json:"on"`               // what it is done to, as the record has it
	Back    string   `json:"-"`                // where who does not want it goes
	Inputs  []input  `json:"inputs,omitempty"` // in their order
	Will    []string `json:"will,omitempty"`   // what will happen, a sentence each
	Button  string   `json:"button"`           // "Run it"
	Mistake string   `json:"mistake,omitempty"`
	Sure    bool     `json:"sure"` // it is asked for the second time
	Path    string   `json:"-"`
	Token   string   `json:"-"`
}

func (q *question) title() string { return q.Title }

// HasFile reports whether a file is asked for.
func (q *question) HasFile() bool {
	for _, in := range q.Inputs {
		if in.Type == "file" {
			return true
		}
	}
	return false
}

// input is one field of a form.
type input struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Type     string   `json:"type"` // text, textarea, number, date, select, file, hidden
	Value    string   `json:"value"`
	Help     string   `json:"help,omitempty"`
	Choices  []string `json:"choices,omitempty"` // where it is one of these
	Required bool     `json:"required"`
	Long     int      `json:"-"` // how long its value may be, in bytes; 0: as its type

	Texts map[string]string `json:"-"` // what choices are called; one that is not in there is called as it is
}

// Most is how long a value may be, in bytes.
func (in input) Most() int {
	if in.Type == "textarea" {
		return cmp.Or(in.Long, 20_000)
	}
	return cmp.Or(in.Long, 1000)
}

// Text is what a choice is called.
func (in input) Text(choice string) string { return cmp.Or(in.Texts[choice], choice) }

// details are the values of the inputs, for the record.
func (q *question) details() map[string]string {
	details := map[string]string{}
	for _, in := range q.Inputs {
		if in.Value != "" && in.Type != "hidden" && in.Type != "file" && in.Type != "textarea" {
			details[strings.TrimPrefix(in.Name, paramPrefix)] = in.Value
		}
	}
	return details
}

// fits returns what is wrong with the values by themselves.
func (q *question) fits() error {
	for _, in := range q.Inputs {
		switch {
		case len(in.Value) > in.Most():
			return asof.Errorf(asof.CodeInvalid, "%s is longer than %d bytes", in.Label, in.Most())
		case in.Required && in.Value == "":
			return asof.Errorf(asof.CodeInvalid, "%s is missing", in.Label)
		case len(in.Choices) > 0 && in.Value != "" && !slices.Contains(in.Choices, in.Value):
			return asof.Errorf(asof.CodeInvalid, "%s is %.60q, and none of its choices", in.Label, in.Value)
		}
	}
	return nil
}

// readForm reads the body of a POST, which is bounded already.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(1 << 20) // of a file, more is kept on disk
	}
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, http.ErrNotMultipart):
		return nil
	case errors.As(err, &large):
		return asof.Errorf(asof.CodeInvalid, "what was sent is larger than the %d bytes that are taken", large.Limit)
	case err != nil:
		return asof.Errorf(asof.CodeInvalid, "what was sent is no form: %w", err)
	}
	return nil
}

// plainForm refuses what no browser sends.
func plainForm(form url.Values) error {
	for name, values := range form {
		for _, value := range values {
			if !plainText(name) || !plainText(value) {
				return asof.Errorf(asof.CodeInvalid, "what was sent is no text in UTF-8")
			}
		}
	}
	return nil
}

func plainText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// value is what a form has for a name.
func (r *request) value(name string) string { return strings.TrimSpace(r.form.Get(name)) }

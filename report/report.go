// Package report writes how features stand to what they were as one HTML file
// that holds all it shows: a browser opens it without a network, and nothing in
// it runs.
package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/monitor"
)

// Drift is a comparison of the features of one project's views.
type Drift struct {
	Project   string
	Made      time.Time
	By        string // the program and its version
	Reference asof.DriftSide
	Current   asof.DriftSide
	Views     []monitor.View
}

//go:embed drift.html
var page string

//go:embed drift.css
var style string

var driftPage = template.Must(template.New("drift").Funcs(template.FuncMap{"anchor": anchor}).Parse(page))

// HTML writes the report. Nothing is written before the whole of it is there.
func (d *Drift) HTML(w io.Writer) error {
	var out bytes.Buffer
	if err := driftPage.Execute(&out, d.sheet()); err != nil {
		return asof.Errorf(asof.CodeInvalid, "the report could not be made: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// sheet is what the template shows.
type sheet struct {
	*Drift
	Style                      template.CSS
	Verdict                    asof.Verdict
	Then, Now                  string // the names of the sides
	Compared, Drifted, Unknown int    // features
	Sheets                     []viewSheet
}

// viewSheet is a view with its features.
type viewSheet struct {
	View                       string
	Verdict                    asof.Verdict
	Compared, Drifted, Unknown int
	Features                   []featureSheet
}

func (d *Drift) sheet() sheet {
	s := sheet{Drift: d, Style: template.CSS(style + chart.CSS), Verdict: asof.VerdictStable, Then: SideName(d.Reference), Now: SideName(d.Current)}
	for _, v := range d.Views {
		one := viewSheet{View: v.View, Verdict: v.Verdict, Compared: len(v.Features)}
		for i := range v.Features {
			f := newFeature(v.View, &v.Features[i], s.Then, s.Now)
			one.Features = append(one.Features, f)
			switch f.Verdict {
			case asof.VerdictDrifted:
				one.Drifted++
			case asof.VerdictUnknown:
				one.Unknown++
			}
		}
		s.Compared, s.Drifted, s.Unknown = s.Compared+one.Compared, s.Drifted+one.Drifted, s.Unknown+one.Unknown
		s.Sheets = append(s.Sheets, one)
	}
	switch {
	case s.Drifted > 0:
		s.Verdict = asof.VerdictDrifted
	case s.Unknown > 0 || s.Compared == 0:
		s.Verdict = asof.VerdictUnknown
	}
	return s
}

// SideName is what a side is called: a day, a month, a span, or a name.
func SideName(s asof.DriftSide) string {
	if s.Source == asof.StatisticsLog {
		s.Source = ""
		return "answers of " + SideName(s)
	}
	const minute = "2006-01-02 15:04"
	from, to := s.From.UTC(), s.To.UTC()
	after := to.Add(time.Microsecond)
	period, named := asof.PeriodName(from, to)
	switch {
	case s.Name == "baseline":
		return "the baseline"
	case s.Name != "":
		return s.Name
	case from.IsZero() && to.IsZero():
		return "all rows"
	case from.IsZero():
		return "until " + to.Format(time.DateOnly)
	case named:
		return period
	case from.Equal(from.Truncate(24*time.Hour)) && after.Equal(after.Truncate(24*time.Hour)):
		return from.Format(time.DateOnly) + " to " + to.Format(time.DateOnly)
	}
	return from.Format(minute) + " to " + to.Format(minute)
}

// anchor is where a view, or a feature of it, is in the page. No ID has a space.
func anchor(names ...string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, strings.Join(names, "."))
}

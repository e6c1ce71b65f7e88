package cli

import (
	"fmt"
	"strings"

	"github.com/asof-dev/asof/doctor"
)

// placesShown bounds how many places a finding prints.
const placesShown = 5

// groupTitles head the groups of a report.
var groupTitles = []struct {
	group         doctor.Group
	title, colour string
}{{doctor.Works, "Works as it is", green}, {doctor.Differs, "Answers differently", yellow}, {doctor.Fails, "Does not work", red}}

// printFindings prints what the doctor found, by groups, or as JSON.
func (a *app) printFindings(report *doctor.Report, output string) error {
	if output == "json" {
		return printJSON(a.stdio.Out, struct {
			*doctor.Report
			Blocked bool `json:"blocked"`
		}{report, report.Blocked()})
	}
	out := a.stdio.Out
	for _, g := range groupTitles {
		findings := report.Of(g.group)
		if len(findings) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s\n", paint(out, g.colour, g.title))
		for _, f := range findings {
			a.printFinding(f)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, "Next")
	for i, step := range report.Next {
		fmt.Fprintf(out, "  %d. %s\n", i+1, step)
	}
	return nil
}

func (a *app) printFinding(f doctor.Finding) {
	out := a.stdio.Out
	f.Message = strings.ReplaceAll(f.Message, "\n", "\n    ")
	see := ""
	if f.See != "" {
		see = fmt.Sprintf(" (docs/differences-from-feast.md, %s)", f.See)
	}
	if len(f.Places) == 1 && f.Places[0] != "" {
		fmt.Fprintf(out, "  %s: %s%s\n", f.Places[0], f.Message, see)
		return
	}
	fmt.Fprintf(out, "  %s%s\n", f.Message, see)
	for i, place := range f.Places {
		if i == placesShown {
			fmt.Fprintf(out, "    and %d more\n", len(f.Places)-placesShown)
			break
		}
		if place != "" {
			fmt.Fprintf(out, "    %s\n", place)
		}
	}
}

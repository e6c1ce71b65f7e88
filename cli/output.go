package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

// outputFlag adds --output to a command that lists something.
func outputFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "output", "table", "table or json")
}

// printList prints rows under their headers, plain as Feast prints its tables,
// or as a JSON list of objects whose keys are the headers in lower case. A cell
// that a person and a program want differently has a String method.
func (a *app) printList(output string, headers []string, rows [][]any) error {
	switch output {
	case "table":
		var texts [][]string
		for _, row := range rows {
			texts = append(texts, cellLines(row)...)
		}
		return plainTable(a.stdio.Out, headers, texts)
	case "json":
		list := make([]map[string]any, len(rows))
		for i, row := range rows {
			list[i] = map[string]any{}
			for j, h := range headers {
				list[i][strings.ReplaceAll(strings.ToLower(h), " ", "_")] = row[j]
			}
		}
		return printJSON(a.stdio.Out, list)
	}
	return badOutput(output, "table", "json")
}

// lineList is a list that a table shows a line each, and as a dash where it is
// empty.
type lineList []string

// cellLines returns a row as the lines that it takes in a table.
func cellLines(row []any) [][]string {
	lines := [][]string{make([]string, len(row))}
	for i, cell := range row {
		list, ok := cell.(lineList)
		switch {
		case !ok:
			list = lineList{fmt.Sprint(cell)}
		case len(list) == 0:
			list = lineList{"-"}
		}
		for n, text := range list {
			if n == len(lines) {
				lines = append(lines, make([]string, len(row)))
			}
			lines[n][i] = text
		}
	}
	return lines
}

// commaList is a list that a table shows in one cell.
type commaList []string

func (l commaList) String() string { return strings.Join(l, ", ") }

// yesNo is a truth as Feast's tables show it.
type yesNo bool

func (b yesNo) String() string {
	if b {
		return "Yes"
	}
	return "No"
}

// instant is a time in UTC. A table shows none in the place of the zero time,
// JSON null.
type instant struct {
	time.Time
	none string
}

func (t instant) String() string {
	if t.IsZero() {
		return t.none
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z")
}

// MarshalJSON is there because time.Time has one.
func (t instant) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.String())
}

// pythonTime is a time as Python's str shows it, without its zone.
type pythonTime struct{ time.Time }

func (t pythonTime) String() string {
	text := t.UTC().Format("2006-01-02 15:04:05")
	if micro := t.Nanosecond() / 1000; micro > 0 {
		text += fmt.Sprintf(".%06d", micro)
	}
	return text
}

// elapsed is a duration that JSON has in seconds.
type elapsed time.Duration

func (e elapsed) String() string { return took(time.Duration(e)) }

// MarshalJSON writes seconds.
func (e elapsed) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(e).Seconds()) }

func badOutput(output string, known ...string) error {
	return usagef("", "unknown output %q%s", output, asof.DidYouMean(output, known))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// plainTable aligns columns with two spaces between them and no lines around.
// A header takes two more, as in the tables that Feast prints. What may be long,
// such as an error, belongs into the last column, which nothing is aligned to.
func plainTable(w io.Writer, headers []string, rows [][]string) error {
	widths := make([]int, len(headers))
	for i, h := range headers {
		widths[i] = utf8.RuneCountInString(h) + 2
	}
	all := append([][]string{headers}, rows...)
	for _, row := range all {
		for i, cell := range row {
			row[i] = oneLine.Replace(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// The colours, for a terminal that wants them.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
)

// paint colours text where w is a terminal and NO_COLOR is not set.
func paint(w io.Writer, colour, text string) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}

// note tells of something that a person should know and need not change.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "note:"), fmt.Sprintf(format, args...))
}

// took returns a duration as a person reads it.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// count returns a number with its noun: 1 row, 7,043 rows.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

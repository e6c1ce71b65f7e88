package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// mostText bounds how much of an error a message holds, in bytes.
const mostText = 2000

// said is how a message names a state, behind an emoji's name.
var said = map[asof.RunState][2]string{
	asof.RunRunning:   {":arrow_forward:", "runs"},
	asof.RunRetrying:  {":repeat:", "tries again"},
	asof.RunCompleted: {":white_check_mark:", "completed"},
	asof.RunFailed:    {":x:", "failed"},
	asof.RunCrashed:   {":boom:", "crashed"},
	asof.RunCancelled: {":no_entry_sign:", "was cancelled"},
	asof.RunPending:   {":hourglass:", "was given back, and waits for another worker"},
}

// escaped is for text within Slack's markup.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "```", "'''")

// text returns the message in Slack's markup.
func (e Event) text() string {
	name := escaped.Replace(e.Run.Project + "/" + e.Run.Pipeline)
	if e.Message != "" {
		return fmt.Sprintf("*%s*: %s", name, escaped.Replace(cut(e.Message)))
	}
	how := said[e.State]
	var b strings.Builder
	fmt.Fprintf(&b, "%s *%s* %s", how[0], name, how[1])
	if took := e.took(); took > 0 {
		fmt.Fprintf(&b, " after %s", rounded(took))
	}
	if params := e.params(); params != "" {
		fmt.Fprintf(&b, " (%s)", escaped.Replace(params))
	}
	fmt.Fprintf(&b, ", run `%s`", e.Run.ID)
	why := e.why()
	if step := e.failed(); step != nil && why != "" {
		fmt.Fprintf(&b, ", step `%s`", escaped.Replace(step.Name))
	}
	if why != "" {
		fmt.Fprintf(&b, "\n```%s```", escaped.Replace(cut(why)))
	}
	return b.String()
}

// params returns the parameters as the command line takes them, by name.
func (e Event) params() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(e.Run.Params)) {
		list = append(list, name+"="+e.Run.Params[name])
	}
	return cut(strings.Join(list, " "))
}

// cut cuts a text to what a message holds.
func cut(text string) string {
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + " …"
	}
	return text
}

func rounded(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

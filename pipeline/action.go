package pipeline

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// action is a run's command or http step, with what it knows of the run.
type action struct {
	values   Values
	repo     string
	pipeline string
	run      string // its ID
	step     string
	log      func(line string)
	secrets  []string // what variables stood for: it is in no log and no error
}

// inUse finds parameters, and variables of the environment.
var inUse = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand puts the values of parameters, as escape writes them, and of the
// environment's variables into a text, all in one pass: what a value holds
// stands for nothing more.
func (a *action) expand(text string, escape func(string) string) (string, error) {
	var missing []string
	filled := inUse.ReplaceAllStringFunc(text, func(match string) string {
		parts := inUse.FindStringSubmatch(match)
		if parts[2] == "" {
			return escape(a.values.fill(match))
		}
		value, set := os.LookupEnv(parts[2])
		if !set {
			missing = append(missing, parts[2])
		}
		a.hide(value)
		return escape(value)
	})
	if len(missing) > 0 {
		return "", asof.Errorf(asof.CodeInvalid, "step %s: the environment variable %s is not set", a.step, strings.Join(missing, ", "))
	}
	return filled, nil
}

func plain(value string) string { return value }

// shortestSecret is how long a value has to be to be hidden: a shorter one
// would take letters out of all lines.
const shortestSecret = 4

func (a *action) hide(value string) {
	if len(value) >= shortestSecret && !slices.Contains(a.secrets, value) {
		a.secrets = append(a.secrets, value)
		slices.SortFunc(a.secrets, func(x, y string) int { return cmp.Compare(len(y), len(x)) })
	}
}

// public returns a text without secrets.
func (a *action) public(text string) string {
	for _, secret := range a.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

package permission

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// pattern is a regular expression of Python that a whole name has to match.
type pattern struct {
	plain *regexp.Regexp  // takes linear time, and means the same for names of ASCII; nil where Go does not know a part of it
	full  *regexp2.Regexp // knows lookaround, back references and Unicode's classes as Python does
}

// patternTime bounds a match that goes back and forth.
const patternTime = 50 * time.Millisecond

func newPattern(text string) (p pattern, err error) {
	text = strings.TrimSpace(text) // as Feast does
	if p.full, err = regexp2.Compile(`^(?:`+text+`)\z`, regexp2.None); err == nil {
		p.full.MatchTimeout = patternTime
	}
	var unknown error
	if p.plain, unknown = regexp.Compile(`^(?:` + text + `)\z`); unknown != nil {
		p.plain = nil
	}
	if p.full == nil && p.plain == nil {
		return p, fmt.Errorf("name pattern %q can't be read: %w", text, unknown)
	}
	return p, nil
}

// matches reports whether the whole name matches; one that takes too long does
// not.
func (p pattern) matches(name string) bool {
	if p.plain != nil && (p.full == nil || isASCII(name)) {
		return p.plain.MatchString(name)
	}
	ok, err := p.full.MatchString(name)
	return ok && err == nil
}

// matchesAny reports whether a name matches one of the patterns; it does where
// there are none.
func matchesAny(patterns []pattern, name string) bool {
	for _, p := range patterns {
		if p.matches(name) {
			return true
		}
	}
	return len(patterns) == 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

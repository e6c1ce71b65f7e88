package check

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// pattern writes a regular expression of Go's syntax in what DuckDB and
// PostgreSQL read alike, for the whole of a text that holds a match: no classes
// like \d, whose letters they know differently, and no flags.
func pattern(text string) (string, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	const anything = "([^\n]|\n)*" // a dot leaves out line ends in one engine alone
	var b strings.Builder
	b.WriteString("^" + anything + "(")
	if err := portable(&b, re); err != nil {
		return "", fmt.Errorf("the regular expression %q: %w", text, err)
	}
	b.WriteString(")" + anything + "$")
	return b.String(), nil
}

// portable appends an expression.
func portable(b *strings.Builder, re *syntax.Regexp) error {
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString("()")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			class := []rune{r, r}
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					class = append(class, f, f)
				}
			}
			portableClass(b, class)
		}
	case syntax.OpCharClass:
		portableClass(b, re.Rune)
	case syntax.OpAnyCharNotNL:
		b.WriteString("[^\n]")
	case syntax.OpAnyChar:
		b.WriteString("([^\n]|\n)")
	case syntax.OpBeginText:
		b.WriteString("^")
	case syntax.OpEndText:
		b.WriteString("$")
	case syntax.OpCapture, syntax.OpConcat, syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		return portableGroup(b, re, "")
	case syntax.OpAlternate:
		return portableGroup(b, re, "|")
	default:
		return fmt.Errorf("boundaries of words and lines can't be asked for, only ^ and $")
	}
	return nil
}

// portableGroup appends an expression's parts in parentheses, and how often
// they stand there.
func portableGroup(b *strings.Builder, re *syntax.Regexp, between string) error {
	b.WriteString("(")
	for i, sub := range re.Sub {
		if i > 0 {
			b.WriteString(between)
		}
		if err := portable(b, sub); err != nil {
			return err
		}
	}
	b.WriteString(")")
	switch re.Op {
	case syntax.OpStar:
		b.WriteString("*")
	case syntax.OpPlus:
		b.WriteString("+")
	case syntax.OpQuest:
		b.WriteString("?")
	case syntax.OpRepeat:
		switch {
		case max(re.Min, re.Max) > 255:
			return fmt.Errorf("255 repetitions are the most")
		case re.Max < 0:
			fmt.Fprintf(b, "{%d,}", re.Min)
		default:
			fmt.Fprintf(b, "{%d,%d}", re.Min, re.Max)
		}
	}
	return nil
}

// portableClass appends a class of characters, given as pairs of its ranges.
// One that holds most of Unicode is written by what it leaves out.
func portableClass(b *strings.Builder, ranges []rune) {
	if len(ranges) == 0 {
		b.WriteString("[^\n]^") // nothing: the start of the text is never behind a character
		return
	}
	b.WriteString("[")
	if slices.Max(ranges) == unicode.MaxRune {
		b.WriteString("^")
		ranges = without(ranges)
	}
	for i := 0; i < len(ranges); i += 2 {
		portableRune(b, ranges[i])
		if ranges[i] != ranges[i+1] {
			b.WriteString("-")
			portableRune(b, ranges[i+1])
		}
	}
	b.WriteString("]")
}

// without returns the ranges that a class leaves out; the character 0, which no
// text of a database holds, stands for none.
func without(ranges []rune) []rune {
	var out []rune
	next := rune(1)
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i] > next {
			out = append(out, next, ranges[i]-1)
		}
		next = ranges[i+1] + 1
	}
	if out == nil {
		return []rune{1, 1}
	}
	return out
}

func portableRune(b *strings.Builder, r rune) {
	if strings.ContainsRune(`\]^-[`, r) {
		b.WriteByte('\\')
	}
	b.WriteRune(r)
}

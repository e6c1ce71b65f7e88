package pipeline

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Condition says of which runs a step is part: `full and size in [small, 10]`,
// `as_of.month == 12`. It is about parameters alone, so that it is the same
// however often a run is resumed.
type Condition struct {
	text string
	root term
}

// String returns the condition as the file has it.
func (c *Condition) String() string { return c.text }

// Holds reports whether the condition holds for a run's parameters; none does.
func (c *Condition) Holds(values Values) bool { return c == nil || c.root(values).(bool) }

// term is a part of a condition: for a run's values it is a bool, a string, a
// *big.Rat or a time.Time, always the same of them.
type term func(Values) any

// termType names what a term is.
type termType string

const (
	boolTerm   termType = "true or false"
	textTerm   termType = "a text"
	numberTerm termType = "a number"
	timeTerm   termType = "a date"
)

var (
	wordForm  = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z]+)?|\d{4}-\d{2}-\d{2}|-?\d+(?:\.\d+)?|'[^']*'|"[^"]*"|==|!=|<=|>=|[<>()\[\],])`)
	compares  = []string{"==", "!=", "<=", ">=", "<", ">"}
	timeParts = map[string]func(time.Time) int{"year": time.Time.Year, "day": time.Time.Day, "hour": time.Time.Hour,
		"month":   func(t time.Time) int { return int(t.Month()) },
		"weekday": func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }} // Monday is 1
	paramTerms = map[ParamType]termType{ParamString: textTerm, ParamEnum: textTerm, ParamInteger: numberTerm, ParamNumber: numberTerm,
		ParamBoolean: boolTerm, ParamDate: timeTerm, ParamDatetime: timeTerm}
)

// condition reads a condition, or says what is wrong with it.
func (p *Pipeline) condition(text string) (*Condition, string) {
	c := conditionReader{p: p}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		next := wordForm.FindString(rest)
		if next == "" {
			return nil, fmt.Sprintf("%q cannot stand in a condition", rest)
		}
		c.tokens = append(c.tokens, next)
		rest = rest[len(next):]
	}
	root, typ := c.either()
	switch {
	case c.wrong == "" && len(c.tokens) > 0:
		c.fail("%s is not expected here; between two conditions stands `and` or `or`", c.tokens[0])
	case c.wrong == "" && typ != boolTerm:
		c.fail("a condition is true or false, and this is %s", typ)
	}
	return &Condition{text, root}, c.wrong
}

// conditionReader reads tokens from the left. After the first mistake nothing
// that it returns counts.
type conditionReader struct {
	p      *Pipeline
	tokens []string
	wrong  string
}

func (c *conditionReader) fail(format string, args ...any) (term, termType) {
	if c.wrong == "" {
		c.wrong = fmt.Sprintf(format, args...)
	}
	c.tokens = nil
	return func(Values) any { return false }, boolTerm
}

// take takes the next token if it is one of these.
func (c *conditionReader) take(words ...string) string {
	if len(c.tokens) == 0 || !slices.Contains(words, c.tokens[0]) {
		return ""
	}
	word := c.tokens[0]
	c.tokens = c.tokens[1:]
	return word
}

func (c *conditionReader) either() (term, termType) {
	left, typ := c.both()
	for c.take("or") != "" {
		right, other := c.both()
		left, typ = c.joined(left, right, typ, other, "or", true)
	}
	return left, typ
}

func (c *conditionReader) both() (term, termType) {
	left, typ := c.negated()
	for c.take("and") != "" {
		right, other := c.negated()
		left, typ = c.joined(left, right, typ, other, "and", false)
	}
	return left, typ
}

// joined is left where it is what settles the matter, else right.
func (c *conditionReader) joined(left, right term, typ, other termType, word string, settles bool) (term, termType) {
	if typ != boolTerm || other != boolTerm {
		return c.fail("on both sides of `%s` stands a condition", word)
	}
	return func(v Values) any {
		if left(v) == settles {
			return settles
		}
		return right(v)
	}, boolTerm
}

func (c *conditionReader) negated() (term, termType) {
	if c.take("not") == "" {
		return c.comparison()
	}
	inner, typ := c.negated()
	if typ != boolTerm {
		return c.fail("behind `not` stands a condition, and not %s", typ)
	}
	return func(v Values) any { return inner(v) == false }, boolTerm
}

func (c *conditionReader) comparison() (term, termType) {
	left, typ := c.operand()
	not := c.take("not") != ""
	if c.take("in") != "" {
		return c.among(left, typ, not)
	}
	operator := c.take(compares...)
	switch {
	case not:
		return c.fail("behind `not` stands `in` here")
	case operator == "":
		return left, typ
	}
	right, other := c.operand()
	if typ != other {
		return c.fail("%s can't be compared with %s", typ, other)
	}
	if typ == boolTerm && operator != "==" && operator != "!=" {
		return c.fail("true and false have no order: compare them by == and !=")
	}
	return func(v Values) any {
		order := compared(left(v), right(v))
		switch operator {
		case "==":
			return order == 0
		case "!=":
			return order != 0
		case "<":
			return order < 0
		case "<=":
			return order <= 0
		case ">":
			return order > 0
		}
		return order >= 0
	}, boolTerm
}

// among reads a list in brackets.
func (c *conditionReader) among(left term, typ termType, not bool) (term, termType) {
	if c.take("[") == "" {
		return c.fail("behind `in` stands a list in brackets: in [1, 2]")
	}
	var list []term
	for c.take("]") == "" {
		if len(list) > 0 && c.take(",") == "" {
			return c.fail("a list in brackets has commas between its values, and ends with ]")
		}
		item, other := c.operand()
		if other != typ {
			return c.fail("%s can't be compared with %s", typ, other)
		}
		list = append(list, item)
	}
	return func(v Values) any {
		value := left(v)
		return slices.ContainsFunc(list, func(item term) bool { return compared(value, item(v)) == 0 }) != not
	}, boolTerm
}

// compared orders two values of the same type.
func compared(a, b any) int {
	switch a := a.(type) {
	case string:
		return cmp.Compare(a, b.(string))
	case *big.Rat:
		return a.Cmp(b.(*big.Rat))
	case time.Time:
		return a.Compare(b.(time.Time))
	}
	if a == b {
		return 0
	}
	return 1
}

func (c *conditionReader) operand() (term, termType) {
	if len(c.tokens) == 0 {
		return c.fail("something is missing at the end")
	}
	word := c.tokens[0]
	c.tokens = c.tokens[1:]
	switch {
	case word == "(":
		inner, typ := c.either()
		if c.take(")") == "" {
			return c.fail("a parenthesis is not closed")
		}
		return inner, typ
	case word == "true" || word == "false":
		return func(Values) any { return word == "true" }, boolTerm
	case strings.ContainsAny(word[:1], `'"`):
		return func(Values) any { return word[1 : len(word)-1] }, textTerm
	}
	if t, ok := asof.ParseTime(word); ok {
		return func(Values) any { return t }, timeTerm
	}
	if number, ok := new(big.Rat).SetString(word); ok {
		return func(Values) any { return number }, numberTerm
	}
	return c.parameter(word)
}

// parameter reads a parameter, or a part of one that is a date.
func (c *conditionReader) parameter(word string) (term, termType) {
	name, part, whole := strings.Cut(word, ".")
	param := c.p.param(name)
	if !paramName.MatchString(name) {
		return c.fail("%s is not expected here", word)
	}
	if param == nil {
		return c.fail("%s; a text stands in quotes: '%s'", c.p.noParam(name), name)
	}
	typ := paramTerms[param.Type]
	switch {
	case !whole:
		return func(v Values) any { return typed(v[name], typ) }, typ
	case typ != timeTerm:
		return c.fail("%s is no date, and has no %s", name, part)
	case timeParts[part] == nil:
		return c.fail("a date has no %q; known: year, month, day, weekday, hour", part)
	}
	return func(v Values) any {
		return big.NewRat(int64(timeParts[part](typed(v[name], timeTerm).(time.Time))), 1)
	}, numberTerm
}

// typed returns a parameter's value, which is of the type.
func typed(value string, typ termType) any {
	switch typ {
	case boolTerm:
		return value == "true"
	case numberTerm:
		number, _ := new(big.Rat).SetString(value)
		return number
	case timeTerm:
		t, _ := asof.ParseTime(value)
		return t
	}
	return value
}

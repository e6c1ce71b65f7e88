package pipeline

import (
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	p := &Pipeline{Params: []Param{{Name: "as_of", Type: ParamDate}, {Name: "at", Type: ParamDatetime}, {Name: "full", Type: ParamBoolean},
		{Name: "share", Type: ParamNumber}, {Name: "n", Type: ParamInteger}, {Name: "size", Type: ParamEnum, Values: []string{"small", "large"}}, {Name: "not_me", Type: ParamString}}}
	values := Values{"as_of": "2024-12-31", "at": "2024-12-31T23:30:00Z", "full": "true", "share": "0.1", "n": "9007199254740993", "size": "large", "not_me": "it's"}
	for text, want := range map[string]bool{
		"full": true, "not full": false, "not not full": true, "full == false": false, "true": true, "full != false and n > 1": true,
		"share == 0.1": true, "n == 9007199254740992": false, "n >= 9007199254740993": true, "n > -5": true, "share < 0.1 or share > 0.1": false,
		"size == 'large'": true, `size == "small"`: false, "size in ['small', 'large']": true, "size not in ['large']": false, "size in []": false,
		"as_of == 2024-12-31": true, "as_of > 2024-12-31": false, "at > as_of": true, "as_of.month == 12": true, "as_of.month in [3, 6, 9, 12]": true,
		"as_of.weekday == 2": true, "at.hour == 23": true, "as_of.year<2024": false, "as_of.day==31": true,
		`not_me == "it's"`: true, "not_me < 'j' and not (full and n == 1)": true, "full or false and false": true, "(full or false) and false": false, "not full or true": true,
		"(as_of <= 2025-01-01)": true,
	} {
		c, wrong := p.condition(text)
		if wrong != "" {
			t.Errorf("%s: %s", text, wrong)
		} else if got := c.Holds(values); got != want || c.String() != text {
			t.Errorf("%s is %v", text, got)
		}
	}
	for text, want := range map[string]string{
		"": "something is missing", "full and": "something is missing", "full n": "n is not expected here", "full and n": "on both sides of `and` stands a condition",
		"not n": "behind `not` stands a condition", "n == '1'": "a number can't be compared with a text", "full > false": "no order", "n in 1": "in brackets",
		"n in [1 2]": "commas", "n in [1": "ends with ]", "(full": "not closed", "ful": `did you mean "full"`, "size == large": "a text stands in quotes: 'large'",
		"n.month == 1": "n is no date", "as_of.week == 1": `no "week"; known: year`, "n = 1": `"= 1" cannot stand`, "full not n": "behind `not` stands `in`",
		"n in ['a']": "a number can't be compared with a text", "== 1": "== is not expected here", "n == 1; full": "cannot stand in a condition", "1": "this is a number",
	} {
		if _, wrong := p.condition(text); !strings.Contains(wrong, want) {
			t.Errorf("%q: %q does not say %q", text, wrong, want)
		}
	}
	if !(*Condition)(nil).Holds(nil) {
		t.Error("no condition does not hold")
	}
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{"full and n in [1, -2.5]", "not (size == 'a' or as_of.month >= 3)", "2024-01-31 < as_of", "((("} {
		f.Add(text)
	}
	p := &Pipeline{Params: []Param{{Name: "as_of", Type: ParamDate}, {Name: "full", Type: ParamBoolean}, {Name: "n", Type: ParamInteger}, {Name: "size", Type: ParamString}}}
	values := Values{"as_of": "2024-12-31", "full": "true", "n": "3", "size": "x"}
	f.Fuzz(func(t *testing.T, text string) {
		if c, wrong := p.condition(text); wrong == "" {
			negated, wrong := p.condition("not (" + text + ")")
			if wrong != "" || negated.Holds(values) == c.Holds(values) {
				t.Errorf("%q and its opposite: %s", text, wrong)
			}
		}
	})
}

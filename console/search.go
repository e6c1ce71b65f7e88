package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"

	"github.com/asof-dev/asof"
)

// entry is an object of the catalog and the words by which it is found.
type entry struct {
	link
	Description string            `json:"description,omitempty"`
	Owner       string            `json:"owner,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`

	words []string // lower case: its name and the parts of it, tags, owner, columns
}

// entriesOf returns what a catalog lists, by kind and name, features last.
func entriesOf(s *asof.Snapshot) (list []entry) {
	var features []entry
	for _, kind := range kinds {
		for _, o := range s.Objects(kind) {
			e := entry{link: linkTo(o), Tags: asof.TagsOf(o)}
			e.Description, e.Owner = aboutOf(o)
			columns := fieldsOf(o)
			if kind == asof.KindFeatureView || kind == asof.KindOnDemandView {
				for _, f := range columns {
					one := entry{link: featureLink(o.ObjectName(), f.Name), Description: f.Description, Owner: e.Owner, Tags: f.Tags}
					one.words = wordsOf(one)
					features = append(features, one)
				}
			}
			e.words = wordsOf(e)
			for _, f := range columns {
				e.words = append(e.words, strings.ToLower(f.Name))
			}
			list = append(list, e)
		}
	}
	return append(list, features...)
}

func wordsOf(e entry) (words []string) {
	texts := []string{e.Name, e.Owner}
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		texts = append(texts, key, e.Tags[key])
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		words = append(words, text)
		words = append(words, partsOf(text)...)
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// partsOf splits a name where it has neither letters nor digits.
func partsOf(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// search returns the entries that have something near every word of a query, the
// nearest first.
func search(entries []entry, query string) []entry {
	asked := strings.Fields(strings.ToLower(query))
	if len(asked) == 0 {
		return entries
	}
	type found struct {
		entry
		distance int
	}
	var list []found
	for _, e := range entries {
		sum := 0
		for _, word := range asked {
			d, ok := nearness(word, e.words)
			if !ok { // part of a long name, mistyped: wach_hours for watch_hours_30d
				d, ok = partsNearness(word, e.words)
			}
			if !ok {
				sum = -1
				break
			}
			sum += d
		}
		if sum >= 0 {
			list = append(list, found{e, sum})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(a.distance, b.distance) })
	out := make([]entry, len(list))
	for i, f := range list {
		out[i] = f.entry
	}
	return out
}

// nearness is 0 for a word that is there, 1 and 2 for the beginning and the
// middle of one, and more by its edits for one that is mistyped.
func nearness(word string, among []string) (nearest int, ok bool) {
	const far = 1 << 10
	nearest, letters := far, len([]rune(word))
	for _, w := range among {
		switch {
		case w == word:
			return 0, true
		case strings.HasPrefix(w, word):
			nearest = min(nearest, 1)
		case strings.Contains(w, word):
			nearest = min(nearest, 2)
		case nearest > 2 && letters > 2:
			limit := max(letters/4, 1)
			if d := len([]rune(w)) - letters; d > limit || d < -limit {
				continue
			}
			if edits := editsWithin(limit, word, w); edits <= limit {
				nearest = min(nearest, 2+edits)
			}
		}
	}
	return nearest, nearest < far
}

// editsWithin returns how many letters have to be put in, left out, changed, or
// swapped with their neighbour for one word to become another: the exact number
// only up to limit, and one swap at most.
func editsWithin(limit int, word, other string) int {
	edits := levenshtein.Distance(word, other, nil)
	if edits != limit+1 { // a swap counts as two
		return edits
	}
	letters := []rune(word)
	for i := range len(letters) - 1 {
		letters[i], letters[i+1] = letters[i+1], letters[i]
		edits = min(edits, 1+levenshtein.Distance(string(letters), other, nil))
		letters[i], letters[i+1] = letters[i+1], letters[i]
	}
	return edits
}

// partsNearness is the sum of those of a name's parts.
func partsNearness(name string, among []string) (sum int, ok bool) {
	parts := partsOf(name)
	for _, part := range parts {
		d, ok := nearness(part, among)
		if !ok {
			return 0, false
		}
		sum += d
	}
	return sum, len(parts) > 1
}

// aboutOf returns the description and the owner of an object.
func aboutOf(o asof.Object) (description, owner string) {
	switch o := o.(type) {
	case *asof.Entity:
		return o.Description, o.Owner
	case *asof.DataSource:
		return o.Description, o.Owner
	case *asof.FeatureView:
		return o.Description, o.Owner
	case *asof.OnDemandFeatureView:
		return o.Description, o.Owner
	case *asof.FeatureService:
		return o.Description, o.Owner
	}
	return "", ""
}

// fieldsOf returns the columns that an object has by its definition.
func fieldsOf(o asof.Object) (fields []asof.Field) {
	switch o := o.(type) {
	case *asof.Entity:
		return []asof.Field{{Name: o.JoinKey}}
	case *asof.DataSource:
		return o.Schema
	case *asof.FeatureView:
		return o.Features
	case *asof.OnDemandFeatureView:
		return o.Features
	case *asof.FeatureService:
		for _, p := range o.Projections {
			fields = append(fields, p.Features...)
		}
	}
	return fields
}

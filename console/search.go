package console

import (
	"cmp"
	"maps"
	"math/bits"
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

	words []word // its name and the parts of it, tags, owner, columns
	runs  []word // neighbouring parts of its name as one word
}

// word is one in lower case, and what tells quickly that it is not near another.
type word struct {
	text    string
	letters int
	has     uint64 // a bit for each letter that is in it; some share one
}

func wordOf(lower string) word {
	w := word{text: lower}
	for _, r := range lower {
		w.letters++
		w.has |= 1 << (r % 64)
	}
	return w
}

// entriesOf returns what a catalog lists, by kind and name, features last.
func entriesOf(s *asof.Snapshot) (list []entry) {
	var features []entry
	for _, kind := range kinds {
		for _, o := range s.Objects(kind) {
			e := entry{link: linkTo(o), Tags: asof.TagsOf(o)}
			e.Description, e.Owner = aboutOf(o)
			name, runs := wordsOf(e.Name), runsOf(e.Name)
			columns := fieldsOf(o)
			if kind == asof.KindFeatureView || kind == asof.KindOnDemandView {
				for _, f := range columns {
					one := entry{link: featureLink(o.ObjectName(), f.Name), Description: f.Description, Owner: e.Owner, Tags: f.Tags}
					one.words = slices.Concat([]word{wordOf(strings.ToLower(one.Name))}, name, wordsOf(f.Name), one.besideName())
					one.runs = append(runsOf(f.Name), runs...)
					features = append(features, one)
				}
			}
			e.words, e.runs = append(name, e.besideName()...), runs
			for _, f := range columns {
				e.words = append(e.words, wordOf(strings.ToLower(f.Name)))
			}
			list = append(list, e)
		}
	}
	return append(list, features...)
}

// besideName returns the words of an entry's owner and tags.
func (e *entry) besideName() []word {
	texts := []string{e.Owner}
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		texts = append(texts, key, e.Tags[key])
	}
	return wordsOf(texts...)
}

// wordsOf returns texts and the parts of them.
func wordsOf(texts ...string) (words []word) {
	for _, text := range texts {
		text = strings.ToLower(text)
		parts := partsOf(text)
		if text != "" {
			words = append(words, wordOf(text))
		}
		for _, part := range parts {
			if part != text {
				words = append(words, wordOf(part))
			}
		}
	}
	return words
}

// mostRun is how many parts of a name are taken as one word, so that a name of
// hundreds has few of them.
const mostRun = 8

// runsOf returns two and more neighbouring parts of a name as one word each.
func runsOf(name string) (runs []word) {
	parts := partsOf(strings.ToLower(name))
	for i := range parts {
		for end := i + 2; end <= min(i+mostRun, len(parts)); end++ {
			runs = append(runs, wordOf(strings.Join(parts[i:end], "")))
		}
	}
	return runs
}

// partsOf splits a name where it has neither letters, with their marks, nor digits.
func partsOf(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
}

// search returns the entries that have something near every word of a query, the
// nearest first.
func search(entries []entry, query string) []entry {
	texts := strings.Fields(strings.ToLower(query))
	if len(texts) == 0 {
		return entries
	}
	asked, parts := make([]word, len(texts)), make([][]word, len(texts))
	for i, text := range texts {
		asked[i] = wordOf(text)
		for _, part := range partsOf(text) {
			parts[i] = append(parts[i], wordOf(part))
		}
	}
	type found struct{ at, distance int }
	var list []found
	for at := range entries {
		sum := 0
		for i := range asked {
			d, ok := entries[at].near(asked[i], parts[i])
			if !ok {
				sum = -1
				break
			}
			sum += d
		}
		if sum >= 0 {
			list = append(list, found{at, sum})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(a.distance, b.distance) })
	out := make([]entry, len(list))
	for i, f := range list {
		out[i] = entries[f.at]
	}
	return out
}

// separated is how far names are that have the letters of a word between other
// separators: as far as a word with one letter mistyped.
const separated = 3

// near is the nearness of a word to those of an entry; else, and farther, that of
// its parts (watch-hours or wach_hours for watch_hours_30d), or of a word of one
// part to neighbouring parts of the name (watchours).
func (e *entry) near(asked word, parts []word) (sum int, ok bool) {
	d, ok := nearness(asked, e.words)
	if ok {
		return d, true
	}
	if len(parts) < 2 {
		d, ok = nearness(asked, e.runs)
		return separated + d, ok
	}
	sum = separated
	for _, part := range parts {
		d, ok := e.near(part, nil)
		if !ok {
			return 0, false
		}
		sum += d
	}
	return sum, true
}

// nearness is 0 for a word that is there, 1 and 2 for the beginning and the
// middle of one, and more by its edits for one that is mistyped.
func nearness(asked word, among []word) (nearest int, ok bool) {
	const far = 1 << 10
	nearest, limit := far, 0
	if asked.letters > 2 {
		limit = max(asked.letters/4, 1)
	}
	for i := range among {
		w := &among[i]
		lacks := bits.OnesCount64(asked.has &^ w.has)
		switch {
		case lacks > limit: // an edit brings one letter at most
		case w.text == asked.text:
			return 0, true
		case strings.HasPrefix(w.text, asked.text):
			nearest = min(nearest, 1)
		case strings.Contains(w.text, asked.text):
			nearest = min(nearest, 2)
		case nearest > 2 && max(w.letters-asked.letters, asked.letters-w.letters, bits.OnesCount64(w.has&^asked.has)) <= limit:
			if edits := editsWithin(limit, asked.text, w.text); edits <= limit {
				nearest, limit = 2+edits, edits-1
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

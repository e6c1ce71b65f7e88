package console

import (
	"context"
	"slices"
)

// listed is the page of everything that is defined.
type listed struct {
	Query string  `json:"query,omitempty"`
	Kind  string  `json:"kind,omitempty"`
	Kinds []count `json:"kinds"`
	Found []entry `json:"objects"`
	More  int     `json:"more"` // that are left off the page; JSON has all
}

// count is how many objects of a kind are found.
type count struct {
	Kind string `json:"kind"`
	N    int    `json:"count"`
}

const (
	queryLimit = 200 // letters of a search
	pageLimit  = 300 // objects on a page, which keeps it small
)

// catalog lists the objects that a search finds; all without one.
func catalog(_ context.Context, _ *Console, r *request) (any, error) {
	query := []rune(r.URL.Query().Get("q"))
	l := &listed{Query: string(query[:min(len(query), queryLimit)]), Kind: r.URL.Query().Get("kind")}
	found := search(r.words, l.Query)
	counts := map[string]int{}
	for _, e := range found {
		counts[e.Kind]++
	}
	for _, kind := range kinds {
		l.Kinds = append(l.Kinds, count{kindWords[kind], counts[kindWords[kind]]})
	}
	l.Kinds = append(l.Kinds, count{featureKind, counts[featureKind]})
	l.Found = slices.DeleteFunc(slices.Clone(found), func(e entry) bool { return l.Kind != "" && e.Kind != l.Kind })
	if !wantsJSON(r.Request) && len(l.Found) > pageLimit {
		l.More, l.Found = len(l.Found)-pageLimit, l.Found[:pageLimit]
	}
	return l, nil
}

package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a case is written as, is read as that case.
func TestCorpusIsWrittenAsItIsRead(t *testing.T) {
	cases, err := corpus()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range cases {
		if other := seen[c.name]; other != "" {
			t.Errorf("%s: %s has that name too", c.place, other)
		}
		seen[c.name] = c.place
		again, err := parseCorpus("again", c.String())
		if err != nil || len(again) != 1 {
			t.Fatalf("%s: %v in\n%s", c.place, err, c)
		}
		if d := cmp.Diff(c.String(), again[0].String()); d != "" {
			t.Errorf("%s: -written +read\n%s", c.place, d)
		}
		again[0].place = c.place
		if d := cmp.Diff(c, again[0], cmp.AllowUnexported(corpusCase{}, corpusView{}, corpusLatest{}, corpusProjection{})); d != "" {
			t.Errorf("%s: -read +read again\n%s", c.place, d)
		}
	}
	if len(cases) < 120 {
		t.Errorf("the corpus has %d cases", len(cases))
	}
}

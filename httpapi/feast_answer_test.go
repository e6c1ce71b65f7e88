package httpapi_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// answer is Feast's answer; values keep their text, so that 10 is not 10.0.
type answer struct {
	Results []struct {
		Values     []json.RawMessage `json:"values"`
		Statuses   []string          `json:"statuses"`
		Timestamps []string          `json:"event_timestamps"`
	} `json:"results"`
	Metadata struct {
		Names []string        `json:"feature_names"`
		Views json.RawMessage `json:"feature_view_metadata"`
	} `json:"metadata"`
}

func parsed(t *testing.T, text string) (a answer) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// sameAnswer compares column by column, by name: Feast gives the features of a
// view in any order. A stored null is PRESENT there and NULL_VALUE here.
func sameAnswer(t *testing.T, body, ours, theirs string) {
	t.Helper()
	a, b := parsed(t, ours), parsed(t, theirs)
	if len(a.Metadata.Names) != len(b.Metadata.Names) || len(a.Results) != len(a.Metadata.Names) {
		t.Errorf("%s: got the columns %q, from Feast %q", body, a.Metadata.Names, b.Metadata.Names)
		return
	}
	if string(a.Metadata.Views) != string(b.Metadata.Views) {
		t.Errorf("%s: got the views %s, from Feast %s", body, a.Metadata.Views, b.Metadata.Views)
	}
	for i, name := range a.Metadata.Names {
		at := slices.Index(b.Metadata.Names, name)
		if at < 0 {
			t.Errorf("%s: Feast gives no %s but %q", body, name, b.Metadata.Names)
			continue
		}
		x, y := a.Results[i], b.Results[at]
		for row, v := range y.Values {
			if string(v) == "null" && y.Statuses[row] == "PRESENT" {
				y.Statuses[row] = "NULL_VALUE"
			}
		}
		if !slices.EqualFunc(x.Values, y.Values, func(v, w json.RawMessage) bool { return string(v) == string(w) }) {
			t.Errorf("%s: %s is %s, from Feast %s", body, name, x.Values, y.Values)
		}
		if !slices.Equal(x.Statuses, y.Statuses) || !slices.Equal(x.Timestamps, y.Timestamps) {
			t.Errorf("%s: %s has %s at %s, from Feast %s at %s", body, name, x.Statuses, x.Timestamps, y.Statuses, y.Timestamps)
		}
	}
}

func sameDocument(a, b string) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil && x.String() == y.String()
}

// classOf reads the exception out of an error's answer, "" where there is none.
func classOf(t *testing.T, text string) string {
	t.Helper()
	var inner string
	var exception struct{ Module, Class, Message string }
	if json.Unmarshal([]byte(text), &inner) != nil || json.Unmarshal([]byte(inner), &exception) != nil {
		return ""
	}
	if exception.Module != "feast.errors" || exception.Message == "" {
		t.Errorf("an exception of module %q with message %q", exception.Module, exception.Message)
	}
	return exception.Class
}

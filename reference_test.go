package asof_test

import (
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func TestReferencesOfVersions(t *testing.T) {
	s := asof.NewSnapshot("", time.Time{}, []asof.Object{&asof.FeatureView{Name: "trips", VersionNumber: 2}, &asof.OnDemandFeatureView{Name: "ratio", VersionNumber: 1}})
	for text, want := range map[string]string{
		"trips:x":              "trips:x",
		"trips@v2:x":           "trips:x",
		"trips@V2:x":           "trips:x",
		"trips@latest:x":       "trips:x",
		"trips@:x":             "trips:x",
		"ratio@v1:x":           "ratio:x",
		"nobody@v1:x":          "nobody:x", // whose name the reader finds missing
		"trips@2:x":            "trips@2:x",
		"trips@v-1:x":          "trips@v-1:x",
		"trips@v99999999999:x": "trips@v99999999999:x",
		"trips@v0:x":           `version 0 of feature view "trips" is asked for, and the registry's definition is version 2; only that one can be read`,
		"ratio@v7:x":           `version 7 of feature view "ratio" is asked for, and the registry's definition is version 1; only that one can be read`,
		"trips@v2":             `"trips@v2" is not a feature reference; write it as view:feature`,
	} {
		r, err := s.Reference(text)
		got := r.String()
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", text, asof.ErrorCode(err))
			}
		}
		if got != want {
			t.Errorf("%s: got %s; want %s", text, got, want)
		}
	}
}

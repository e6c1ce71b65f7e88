package serving_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// What a request or a feature service asks of a version is answered by that
// version alone.
func TestVersions(t *testing.T) {
	s := newShop(t, serving.Options{})
	pinned := func(version int32) serving.Selection {
		s.apply(&asof.FeatureService{Name: "pinned", Projections: []asof.Projection{{View: "profile", VersionTag: &version, Features: []asof.Field{field("fee", asof.TypeFloat32)}}}})
		s.reader.Changed()
		return serving.Selection{Service: "pinned"}
	}
	const row = "user_id: \"ann\"P\nfee: 45.25P01T00"
	const refused = `version 3 of feature view "profile" is asked for, and the registry's definition is version 0; only that one can be read`
	for _, c := range []struct {
		what string
		sel  serving.Selection
		want string
	}{
		{"the version that is there", features("profile@v0:fee"), row},
		{"the latest", features("profile@latest:fee"), row},
		{"another", features("profile@v3:fee"), refused},
	} {
		answered(t, s, c.what, c.sel, c.want)
	}
	s.apply(&asof.Opaque{Kind: asof.KindLabelView, Name: "quality"})
	s.reader.Changed()
	if _, err := s.read(features("quality:good"), texts("user_id", "ann")); asof.ErrorCode(err) != asof.CodeNotFound || err.Error() != `"quality" is a label view: it is registered and listed, and its labels are not read` {
		t.Errorf("a label view: %v", err)
	}
	answered(t, s, "a service of the version", pinned(0), row)
	answered(t, s, "a service of another", pinned(3), `feature service "pinned": `+refused)
}

func answered(t *testing.T, s *shop, what string, sel serving.Selection, want string) {
	t.Helper()
	got, err := s.read(sel, texts("user_id", "ann"))
	if err != nil {
		got = err.Error()
		if asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%s: code %s", what, asof.ErrorCode(err))
		}
	}
	if got != want {
		t.Errorf("%s: got %s; want %s", what, got, want)
	}
}

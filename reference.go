package asof

import (
	"strconv"
	"strings"
)

// Reference names one feature of one view, as view:feature.
type Reference struct {
	View    string
	Feature string
}

// String returns view:feature.
func (r Reference) String() string { return r.View + ":" + r.Feature }

// ParseReference reads view:feature. Anything else is CodeInvalid.
func ParseReference(s string) (Reference, error) {
	view, feature, ok := strings.Cut(s, ":")
	if !ok || view == "" || feature == "" || strings.Contains(feature, ":") {
		return Reference{}, Errorf(CodeInvalid, "%q is not a feature reference; write it as view:feature", s)
	}
	return Reference{view, feature}, nil
}

// Reference reads what a request of this project names: view:feature, also as
// Feast's view@v2:feature and view@latest:feature. A version that the view is
// not at is CodeInvalid. Whether view and feature exist is not looked at.
func (s *Snapshot) Reference(text string) (Reference, error) {
	r, err := ParseReference(text)
	view, version, versioned := strings.Cut(r.View, "@")
	if err != nil || !versioned {
		return r, err
	}
	if version == "" || strings.EqualFold(version, "latest") {
		return Reference{view, r.Feature}, nil
	}
	number, err := strconv.ParseInt(version[1:], 10, 32)
	if err != nil || number < 0 || version[0]|' ' != 'v' {
		return r, nil // a name that happens to have an @
	}
	return Reference{view, r.Feature}, s.AtVersion(view, int32(number))
}

// AtVersion returns why a view can't be read as it was in a version: only the
// definition that is registered can. A view that does not exist is no error.
func (s *Snapshot) AtVersion(view string, version int32) error {
	at := version
	if v, ok := s.Object(KindFeatureView, view).(*FeatureView); ok {
		at = v.VersionNumber
	} else if v, ok := s.Object(KindOnDemandView, view).(*OnDemandFeatureView); ok {
		at = v.VersionNumber
	}
	if at == version {
		return nil
	}
	return Errorf(CodeInvalid, "version %d of feature view %q is asked for, and the registry's definition is version %d; only that one can be read", version, view, at)
}

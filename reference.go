package asof

import "strings"

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

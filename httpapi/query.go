package httpapi

import (
	"net/url"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// parameters are the names that a query may hold.
var parameters = []string{"feature_service", "features", "full_feature_names"}

// selection reads which features a query names: features, separated by commas
// or repeated, feature_service and full_feature_names.
func selection(query string) (serving.Selection, error) {
	var s serving.Selection
	if query == "" {
		return s, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return s, asof.Errorf(asof.CodeInvalid, "the query %.100q cannot be read: %w", query, err)
	}
	for name, list := range values {
		last := list[len(list)-1]
		switch name {
		case "features":
			for _, v := range list {
				s.Features = append(s.Features, references(v)...)
			}
			if len(s.Features) == 0 {
				return s, asof.Errorf(asof.CodeInvalid, "?features= names no feature")
			}
		case "feature_service":
			if s.Service = last; last == "" {
				return s, asof.Errorf(asof.CodeInvalid, "?feature_service= names no feature service")
			}
		case "full_feature_names":
			var ok bool
			if s.FullNames, ok = lenientBool(last); !ok {
				return s, asof.Errorf(asof.CodeInvalid, "?full_feature_names=%.20s is neither true nor false", last)
			}
		default:
			return s, asof.Errorf(asof.CodeInvalid, "there is no parameter %q%s", name, asof.DidYouMean(name, parameters))
		}
	}
	return s, nil
}

func references(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// lenientBool reads the words for true and false that Feast's server takes.
func lenientBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "on", "1":
		return true, true
	case "false", "f", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}

package httpapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// parameters are the names of a query that say which features.
var parameters = []string{"feature_service", "features", "full_feature_names"}

// parseQuery reads a query into the buffer's request: features, separated by
// commas or repeated, feature_service and full_feature_names. With keys, every
// other name is a join key, and the nth values of all of them are one entity row;
// otherwise there is no other name.
func (b *buffer) parseQuery(query string, keys bool) error {
	b.reset()
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, text, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			text, err = url.QueryUnescape(text)
		}
		if err != nil {
			return asof.Errorf(asof.CodeInvalid, "the query %.100q cannot be read: %w", query, err)
		}
		switch {
		case slices.Contains(parameters, name):
			err = b.choose(name, text)
		case keys:
			c := b.column(name)
			c.Values = append(c.Values, serving.Text(text))
		default:
			err = asof.Errorf(asof.CodeInvalid, "there is no parameter %q%s", name, asof.DidYouMean(name, parameters))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// choose takes a parameter that says which features.
func (b *buffer) choose(name, text string) error {
	switch name {
	case "features":
		before := len(b.request.Features)
		for reference := range strings.SplitSeq(text, ",") {
			if reference = strings.TrimSpace(reference); reference != "" {
				b.request.Features = append(b.request.Features, reference)
			}
		}
		if len(b.request.Features) == before {
			return asof.Errorf(asof.CodeInvalid, "?features= names no feature")
		}
	case "feature_service":
		if b.request.Service = text; text == "" {
			return asof.Errorf(asof.CodeInvalid, "?feature_service= names no feature service")
		}
	case "full_feature_names":
		var ok bool
		if b.request.FullNames, ok = lenientBool(text); !ok {
			return asof.Errorf(asof.CodeInvalid, "?full_feature_names=%.20s is neither true nor false", text)
		}
	}
	return nil
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

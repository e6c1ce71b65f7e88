package registryrest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// parameter is one of a route's query parameters.
type parameter struct {
	name, about string
	kind        string // in JSON's words; "" is a string, "array" one that may come several times
	required    bool
	fallback    string   // where the request has none
	least, most int      // of an integer; a most of 0 is none
	among       []string // its values, nil for any
	refused     int      // the status of a wrong value, 0 for 422
}

// The parameters of many routes.
var (
	project       = parameter{name: "project", about: "The project.", required: true}
	ofProject     = parameter{name: "project", about: "The project; all of them without it."}
	cached        = parameter{name: "allow_cache", kind: "boolean", fallback: "true", about: "Of no effect: an answer is always of the registry as it is."}
	relationships = parameter{name: "include_relationships", kind: "boolean", fallback: "false", about: "Tell what each object is made of, and what is made of it."}
	tags          = parameter{name: "tags", kind: "array", about: "key:value; objects that have all of these tags."}
	page          = parameter{name: "page", kind: "integer", least: 1, about: "The page, from 1; counts where limit is given too."}
	limit         = parameter{name: "limit", kind: "integer", least: 1, most: 100, about: "Objects on a page."}
	firstPage     = parameter{name: "page", kind: "integer", least: 1, fallback: "1", about: "The page, from 1."}
	fiftyOnPage   = parameter{name: "limit", kind: "integer", least: 1, most: 100, fallback: "50", about: "Objects on a page."}
	sortBy        = parameter{name: "sort_by", about: "An attribute of the objects: name, created_timestamp, tags.team."}
	sortOrder     = parameter{name: "sort_order", among: []string{"asc", "desc"}, fallback: "asc", about: "The order of sort_by."}
	objectType    = parameter{name: "filter_object_type", about: "With filter_object_name: the relations of one object."}
	objectName    = parameter{name: "filter_object_name", about: "With filter_object_type: the relations of one object."}
)

// listed are the parameters of a list in one project, and of one in all.
var (
	listed    = []parameter{cached, page, limit, sortBy, sortOrder}
	listedAll = []parameter{cached, firstPage, fiftyOnPage, sortBy, sortOrder}
)

// values are a request's parameters. Those of a route are there, and right.
type values map[string][]string

// read reads the parameters of a route; others are not looked at.
func (r route) read(query url.Values) (values, error) {
	read := values{}
	for _, p := range r.parameters {
		given := query[p.name]
		switch {
		case p.required && len(given) == 0:
			return nil, malformed("the query has no %s: %s", p.name, p.about)
		case len(given) == 0 && p.fallback != "":
			given = []string{p.fallback}
		case p.kind != "array" && len(given) > 1:
			given = given[len(given)-1:]
		}
		for _, text := range given {
			if mistake := p.mistake(text); mistake != "" {
				return nil, &failure{p.status(), fmt.Sprintf("%s is %q; %s", p.name, text, mistake), p.class()}
			}
		}
		if len(given) > 0 {
			read[p.name] = given
		}
	}
	return read, nil
}

func (p parameter) status() int {
	if p.refused != 0 {
		return p.refused
	}
	return http.StatusUnprocessableEntity
}

func (p parameter) class() string {
	if p.refused != 0 {
		return classHTTP
	}
	return classValidation
}

// mistake says what is wrong with a value, "" for nothing.
func (p parameter) mistake(text string) string {
	switch {
	case p.among != nil && !slices.Contains(p.among, text):
		return "it has to be one of " + strings.Join(p.among, ", ")
	case p.kind == "boolean":
		if _, ok := booleans[strings.ToLower(text)]; !ok {
			return "it has to be true or false"
		}
	case p.kind == "integer":
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || int(n) < p.least || p.most != 0 && int(n) > p.most {
			if p.most != 0 {
				return fmt.Sprintf("it has to be a whole number from %d to %d", p.least, p.most)
			}
			return fmt.Sprintf("it has to be a whole number from %d", p.least)
		}
	}
	return ""
}

// booleans are the texts that FastAPI takes for a boolean.
var booleans = map[string]bool{
	"true": true, "1": true, "yes": true, "y": true, "on": true, "t": true,
	"false": false, "0": false, "no": false, "n": false, "off": false, "f": false,
}

// text returns a parameter, "" where it is not given.
func (v values) text(name string) string {
	if given := v[name]; len(given) > 0 {
		return given[0]
	}
	return ""
}

func (v values) flag(name string) bool { return booleans[strings.ToLower(v.text(name))] }

// number returns a parameter, 0 where it is not given.
func (v values) number(name string) int32 {
	n, _ := strconv.ParseInt(v.text(name), 10, 32)
	return int32(n)
}

func (v values) page() *pb.PaginationParams {
	return &pb.PaginationParams{Page: v.number("page"), Limit: v.number("limit")}
}

func (v values) order() *pb.SortingParams {
	return &pb.SortingParams{SortBy: v.text("sort_by"), SortOrder: v.text("sort_order")}
}

// tags returns the tags that are asked for; a text without a colon is none, as
// in Feast.
func (v values) tags() map[string]string {
	asked := map[string]string{}
	for _, text := range v["tags"] {
		if name, value, ok := strings.Cut(text, ":"); ok {
			asked[name] = value
		}
	}
	return asked
}

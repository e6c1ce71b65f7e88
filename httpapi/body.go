package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// malformed is what is wrong with the form of a body, in the words of FastAPI,
// which Feast's clients know.
type malformed struct {
	kind  string
	at    string // behind "body", as JSON: `,"entities","user_id"`
	text  string
	input string // JSON
}

// append appends the answer of status 422. A long input is left out.
func (m *malformed) append(dst []byte) []byte {
	dst = append(dst, `{"detail":[{"type":"`+m.kind+`","loc":["body"`+m.at+`],"msg":`...)
	dst = value.AppendQuoted(dst, m.text, false)
	if len(m.input) <= 4096 {
		dst = append(append(dst, `,"input":`...), m.input...)
	}
	return append(dst, `}]}`...)
}

// mark is the byte order mark that some clients put before UTF-8.
const mark = "\xef\xbb\xbf"

// object returns the body, which has to be an object.
func (b *buffer) object() (string, *malformed) {
	b.in = bytes.TrimPrefix(b.in, []byte(mark))
	if wrong := checkJSON(b.in); wrong != nil {
		return "", wrong
	}
	body := trim(b.body())
	if body[0] != '{' {
		return "", &malformed{"model_attributes_type", "", "Input should be a valid dictionary or object to extract fields from", body}
	}
	return body, nil
}

// parse reads the body into the buffer's request.
func (b *buffer) parse() *malformed {
	b.reset()
	body, wrong := b.object()
	if wrong != nil {
		return wrong
	}
	entities := ""
	for name, v := range members(body) {
		var wrong *malformed
		switch name {
		case "entities":
			entities = v
		case "features":
			wrong = b.parseFeatures(v)
		case "feature_service":
			if v != "null" {
				b.request.Service, wrong = parseString(v, `,"feature_service"`)
			}
		case "full_feature_names":
			b.request.FullNames, wrong = parseBool(v, `,"full_feature_names"`)
		case "include_feature_view_version_metadata":
			b.versions, wrong = parseBool(v, `,"include_feature_view_version_metadata"`)
		}
		if wrong != nil {
			return wrong
		}
	}
	if entities == "" {
		return &malformed{"missing", `,"entities"`, "Field required", body}
	}
	return b.parseEntities(entities)
}

func checkJSON(body []byte) *malformed {
	if len(body) == 0 {
		return &malformed{"missing", "", "Field required", "null"}
	}
	if json.Valid(body) {
		return checkPairs(body)
	}
	var syntax *json.SyntaxError
	at := len(body)
	err := json.Unmarshal(body, new(any))
	if errors.As(err, &syntax) {
		at = int(syntax.Offset)
	}
	return &malformed{"json_invalid", "," + strconv.Itoa(at), "JSON decode error: " + err.Error(), "{}"}
}

// checkPairs finds half of a surrogate pair in a valid body: encoding/json would
// put another character in its place, and so make another key of it.
func checkPairs(body []byte) *malformed {
	if i := halfPair(body); i >= 0 {
		return &malformed{"json_invalid", "," + strconv.Itoa(i+1), "JSON decode error: " + string(body[i:i+6]) + " is half of a pair and stands for no character", "{}"}
	}
	return nil
}

func (b *buffer) parseFeatures(list string) *malformed {
	b.request.Features = b.request.Features[:0]
	if list[0] != '[' {
		return &malformed{"list_type", `,"features"`, "Input should be a valid list", list}
	}
	for v := range elements(list) {
		name, wrong := parseString(v, `,"features",`+strconv.Itoa(len(b.request.Features)))
		if wrong != nil {
			return wrong
		}
		b.request.Features = append(b.request.Features, name)
	}
	return nil
}

func (b *buffer) parseEntities(object string) *malformed {
	if object[0] != '{' {
		return &malformed{"dict_type", `,"entities"`, "Input should be a valid dictionary", object}
	}
	for name, list := range members(object) {
		if list[0] != '[' {
			return &malformed{"list_type", `,"entities",` + string(value.AppendQuoted(nil, name, false)), "Input should be a valid list", list}
		}
		c := b.addColumn(name)
		for v := range elements(list) {
			c.Values = append(c.Values, cell(v))
		}
	}
	return nil
}

// cell makes a request's cell of a JSON value.
func cell(v string) serving.Cell {
	switch v[0] {
	case '"':
		return serving.Text(unquote(v))
	case 'n':
		return serving.Cell{}
	case 't', 'f', '[', '{':
		return serving.Other(v)
	}
	return serving.Number(v)
}

func parseString(v, at string) (string, *malformed) {
	if v[0] != '"' {
		return "", &malformed{"string_type", at, "Input should be a valid string", v}
	}
	return unquote(v), nil
}

// parseBool reads what Feast's server takes for true and false: a word, or a
// number that is 1 or 0, however it is written.
func parseBool(v, at string) (bool, *malformed) {
	const invalid = "Input should be a valid boolean"
	word, whole := v, true
	switch v[0] {
	case '"':
		word = unquote(v)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		number, _ := strconv.ParseFloat(v, 64)
		word, whole = strconv.FormatFloat(number+0, 'f', -1, 64), number == math.Trunc(number) // -0+0 is 0
	}
	if is, ok := lenientBool(word); ok {
		return is, nil
	}
	if !whole || v[0] == 'n' || v[0] == '[' || v[0] == '{' {
		return false, &malformed{"bool_type", at, invalid, v}
	}
	return false, &malformed{"bool_parsing", at, invalid + ", unable to interpret input", v}
}

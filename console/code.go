package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// snippet is how a program reads an object.
type snippet struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// codeOf returns how features are read online: those of a view or a service, or
// one alone; nil for an object without features.
func codeOf(s *asof.Snapshot, of link) []snippet {
	var features, keys []string
	take := func(view string, renamed map[string]string, names ...asof.Field) {
		for _, f := range names {
			features = append(features, asof.Reference{View: view, Feature: f.Name}.String())
		}
		needed := inputsOf(s, view, renamed)
		for _, key := range needed.names() {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	service := ""
	switch of.Kind {
	case "view":
		take(of.Name, nil, fieldsOf(s.Object(asof.KindFeatureView, of.Name))...)
	case "on-demand-view":
		take(of.Name, nil, fieldsOf(s.Object(asof.KindOnDemandView, of.Name))...)
	case featureKind:
		reference, _ := asof.ParseReference(of.Name)
		take(reference.View, nil, asof.Field{Name: reference.Feature})
	case "service":
		service = of.Name
		for _, p := range s.Object(asof.KindService, of.Name).(*asof.FeatureService).Projections {
			take(p.View, p.JoinKeyMap, p.Features...)
		}
	}
	if len(features) == 0 {
		return nil
	}
	return []snippet{{"Python", python(features, keys, service)}, {"HTTP", "curl http://localhost:6566/get-online-features -d " + shell(body(features, keys, service))},
		{"CLI", command(features, keys, service)}, {"Go", program(body(features, keys, service))}}
}

func python(features, keys []string, service string) string {
	row := make([]string, len(keys))
	for i, key := range keys {
		row[i] = quoted(key) + ": …"
	}
	asked := "features=" + strings.ReplaceAll(quoted(features), `","`, `", "`)
	if service != "" {
		asked = "features=store.get_feature_service(" + quoted(service) + ")"
	}
	return "from feast import FeatureStore\n\nstore = FeatureStore(repo_path=\".\")\nstore.get_online_features(\n    " + asked +
		",\n    entity_rows=[{" + strings.Join(row, ", ") + "}],\n).to_dict()"
}

// body is the body of POST /get-online-features.
func body(features, keys []string, service string) string {
	entities := make([]string, len(keys))
	for i, key := range keys {
		entities[i] = quoted(key) + ": [\"…\"]"
	}
	asked := `"features": ` + quoted(features)
	if service != "" {
		asked = `"feature_service": ` + quoted(service)
	}
	return "{" + asked + `, "entities": {` + strings.Join(entities, ", ") + "}}"
}

func command(features, keys []string, service string) string {
	text := "asof get-online-features"
	for _, key := range keys {
		text += " -e " + shell(key+"=…")
	}
	if service != "" {
		return text + " --feature-service " + shell(service)
	}
	for _, f := range features {
		text += " -f " + shell(f)
	}
	return text
}

func program(body string) string {
	return fmt.Sprintf("answer, err := http.Post(\"http://localhost:6566/get-online-features\", \"application/json\",\n\tstrings.NewReader(%q))", body)
}

// quoted is a string, or a list of them, as JSON, Python and Go read it.
func quoted(v any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // strings always can be
	return strings.TrimSpace(out.String())
}

// shell quotes a word for a shell where it needs to be.
func shell(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.:=/@…", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

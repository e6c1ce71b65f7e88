package httpapi

import (
	_ "embed" // the document
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/asof-dev/asof/pipelineapi"
)

//go:embed openapi.json
var openapiText string

// openapi returns the OpenAPI document of a server with that limit of entities,
// which answers about pipelines, or does not.
func openapi(maxEntities int, pipelines bool) []byte {
	text := []byte(strings.ReplaceAll(openapiText, `"maxItems": 0`, `"maxItems": `+strconv.Itoa(maxEntities)))
	if !pipelines {
		return text
	}
	var own, more map[string]any
	if json.Unmarshal(text, &own) != nil || json.Unmarshal(pipelineapi.Document, &more) != nil {
		return text // never: both are part of the program
	}
	add(own, more)
	if joined, err := json.Marshal(own); err == nil {
		text = joined
	}
	return text
}

// add puts the paths and schemas of one document into another.
func add(own, more map[string]any) {
	into := func(own, more any) { maps.Copy(own.(map[string]any), more.(map[string]any)) }
	into(own["paths"], more["paths"])
	into(own["components"].(map[string]any)["schemas"], more["components"].(map[string]any)["schemas"])
}

func (h *handler) openapi(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, h.document)
}

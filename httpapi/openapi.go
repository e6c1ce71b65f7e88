package httpapi

import (
	_ "embed" // the document
	"net/http"
	"strconv"
	"strings"
)

//go:embed openapi.json
var openapiText string

// openapi returns the OpenAPI document of a server with that limit of entities.
func openapi(maxEntities int) []byte {
	return []byte(strings.ReplaceAll(openapiText, `"maxItems": 0`, `"maxItems": `+strconv.Itoa(maxEntities)))
}

func (h *handler) openapi(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, h.document)
}

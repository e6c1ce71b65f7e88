package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// search answers POST /search.
func (h *handler) search(w http.ResponseWriter, r *http.Request) {
	b := buffers.Get().(*buffer)
	defer b.release()
	if !h.readBody(w, r, b, h.MaxBody) {
		return
	}
	b.reset()
	q, wrong := b.parseSearch()
	if wrong != nil {
		write(w, http.StatusUnprocessableEntity, wrong.append(nil))
		return
	}
	if err := h.found(w, r, b, q); err != nil {
		h.failFeast(w, r, err)
	}
}

// searchWeight is how many entity rows a search counts as: it looks at every
// vector of a view.
const searchWeight = 10_000

func (h *handler) found(w http.ResponseWriter, r *http.Request, b *buffer, q *search) error {
	for what, asked := range map[string]bool{"query_string": q.text, "filters": q.filters} {
		if asked {
			return asof.Errorf(asof.CodeInvalid, "a search by %s is not served: send the query as a vector", what)
		}
	}
	if err := h.Load.Enter(searchWeight); err != nil {
		h.note(w, b, nil, true)
		return err
	}
	defer h.Load.Leave(searchWeight)
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	a, distances, err := h.Reader.Search(ctx, &q.Search)
	h.note(w, b, a, false)
	if err != nil {
		return err
	}
	defer a.Release()
	b.out = a.AppendSearch(b.out[:0], distances, b.versions)
	write(w, http.StatusOK, b.out)
	return nil
}

// search is the body of a request to search.
type search struct {
	serving.Search
	text, filters bool // asked for
}

// parseSearch reads the body.
func (b *buffer) parseSearch() (*search, *malformed) {
	object, wrong := b.object()
	if wrong != nil {
		return nil, wrong
	}
	q := &search{}
	for name, v := range members(object) {
		var wrong *malformed
		switch name {
		case "features":
			if wrong = b.parseFeatures(v); wrong == nil {
				q.Features = b.request.Features
			}
		case "feature_service":
			q.Service, wrong = parseOptional(v, name)
		case "full_feature_names":
			q.FullNames, wrong = parseBool(v, `,"full_feature_names"`)
		case "include_feature_view_version_metadata":
			b.versions, wrong = parseBool(v, `,"include_feature_view_version_metadata"`)
		case "distance_metric":
			q.Metric, wrong = parseOptional(v, name)
		case "query":
			q.Query, wrong = parseVector(v)
		case "top_k":
			q.Top, wrong = parseWhole(v, `,"top_k"`)
		case "query_string":
			q.text = v != "null"
		case "filters":
			q.filters = v != "null"
		}
		if wrong != nil {
			return nil, wrong
		}
	}
	b.request.Service = q.Service
	return q, nil
}

// parseVector reads a list of numbers that may be null.
func parseVector(v string) ([]float64, *malformed) {
	if v == "null" {
		return nil, nil
	}
	if v[0] != '[' {
		return nil, &malformed{"list_type", `,"query"`, "Input should be a valid list", v}
	}
	var vector []float64
	for e := range elements(v) {
		f, err := strconv.ParseFloat(e, 64)
		if err != nil {
			return nil, &malformed{"float_type", `,"query",` + strconv.Itoa(len(vector)), "Input should be a valid number", e}
		}
		vector = append(vector, f)
	}
	return vector, nil
}

// parseWhole reads a whole number that may be null.
func parseWhole(v, at string) (int, *malformed) {
	if v == "null" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, &malformed{"int_type", at, "Input should be a valid integer", v}
	}
	return n, nil
}

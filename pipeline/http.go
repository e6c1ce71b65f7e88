package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// mostAnswer is how much of an answer is read, in bytes, and toldAnswer how
// much of it an error tells.
const (
	mostAnswer = 1 << 20
	toldAnswer = 300
)

// http calls the step's server once. An answer that trying again may change
// (429, 408, 500 and above), and a server that does not answer, is
// CodeUnavailable; any other that is not expected is CodeInvalid. A redirect is
// not followed: it would take the headers to an address that nobody wrote.
func (a *action) http(ctx context.Context, h *HTTPStep) error {
	request, err := a.request(ctx, h)
	if err != nil {
		return err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	var failed *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed): // without the address
		return asof.Errorf(asof.CodeUnavailable, "step %s: %s does not answer: %s", a.step, a.public(request.URL.Host), a.public(failed.Err.Error()))
	case err != nil:
		return asof.Errorf(asof.CodeUnavailable, "step %s: %s", a.step, a.public(err.Error()))
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "step %s: the answer of %s is cut off: %s", a.step, a.public(request.URL.Host), a.public(err.Error()))
	}
	told := a.public(strings.ToValidUTF8(string(body[:min(len(body), toldAnswer)]), "�"))
	a.log(request.Method + " " + a.public(request.URL.Host) + ": " + answer.Status)
	if slices.Contains(h.Expect, answer.StatusCode) || h.Expect == nil && answer.StatusCode/100 == 2 {
		return nil
	}
	code := asof.CodeInvalid
	if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout {
		code = asof.CodeUnavailable
	}
	return asof.Errorf(code, "step %s: %s answers %s, which is not expected: %s", a.step, a.public(request.URL.Host), answer.Status, strings.TrimSpace(told))
}

// request makes the request. One that changes something has the same key at
// every attempt, by which a server can know it.
func (a *action) request(ctx context.Context, h *HTTPStep) (*http.Request, error) {
	address, err := a.expand(h.URL, plain)
	if err != nil {
		return nil, err
	}
	escape := plain
	if h.JSON {
		escape = inJSON
	}
	body, err := a.expand(h.Body, escape)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, h.Method, address, strings.NewReader(body))
	if err != nil || request.URL.Host == "" {
		return nil, asof.Errorf(asof.CodeInvalid, "step %s: the address is not one of http:// or https:// and a host", a.step)
	}
	request.Header.Set("User-Agent", "asof")
	if h.Method != http.MethodGet && h.Method != http.MethodHead {
		request.Header.Set("Idempotency-Key", a.run+"/"+a.step)
	}
	for name, text := range h.Headers {
		value, err := a.expand(text, plain)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, asof.Errorf(asof.CodeInvalid, "step %s: the value of the header %s has more than one line", a.step, name)
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

// inJSON returns a value as it stands within quotes in JSON.
func inJSON(value string) string {
	text, _ := json.Marshal(value)
	return string(text[1 : len(text)-1])
}

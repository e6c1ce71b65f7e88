package httpapi_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof/httpapi"
)

func TestMalformedBodies(t *testing.T) {
	registry, store := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store), MaxBody: 2000})
	for body, want := range map[string]string{
		``:                                    `{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]}`,
		`{}`:                                  `{"detail":[{"type":"missing","loc":["body","entities"],"msg":"Field required","input":{}}]}`,
		` [1] `:                               `{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[1]`,
		`{"entities": 5}`:                     `{"detail":[{"type":"dict_type","loc":["body","entities"],"msg":"Input should be a valid dictionary","input":5}]}`,
		`{"entities": {"a\"": "x"}}`:          `{"detail":[{"type":"list_type","loc":["body","entities","a\""],"msg":"Input should be a valid list","input":"x"}]}`,
		`{"entities": {}, "features": "a:b"}`: `{"detail":[{"type":"list_type","loc":["body","features"],"msg":"Input should be a valid list","input":"a:b"}]}`,
		`{"entities": {}, "features": ["a:b", 5]}`:      `{"detail":[{"type":"string_type","loc":["body","features",1],"msg":"Input should be a valid string","input":5}]}`,
		`{"entities": {}, "feature_service": ["x"]}`:    `{"detail":[{"type":"string_type","loc":["body","feature_service"],"msg":"Input should be a valid string","input":["x"]}]}`,
		`{"entities": {}, "full_feature_names": "huh"}`: `{"detail":[{"type":"bool_parsing","loc":["body","full_feature_names"],"msg":"Input should be a valid boolean, unable to interpret input","input":"huh"}]}`,
		`{"entities": {"a": [1,]}}`:                     `{"detail":[{"type":"json_invalid","loc":["body",23],"msg":"JSON decode error`,
		`{"entities": {"a": [1]}`:                       `{"detail":[{"type":"json_invalid","loc":["body",23],"msg":"JSON decode error`,
		"\x00":                                          `{"detail":[{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error`,
		`{"entities": {"a": ["\\\ud83d\ude00\ud800"]}}`: `{"detail":[{"type":"json_invalid","loc":["body",36],"msg":"JSON decode error: \\ud800 is half of a pair and stands for no character"`,
		`{"entities": {"a": ["\udc00\ud800"]}}`:         `{"detail":[{"type":"json_invalid","loc":["body",22],"msg":"JSON decode error: \\udc00 is half`,
		`{"entities": {"\ud83d\u0041": [1]}}`:           `{"detail":[{"type":"json_invalid","loc":["body",16],"msg":"JSON decode error: \\ud83d is half`,
	} {
		status, got := ask(t, h, "POST", "/get-online-features", body)
		if status != 422 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %d %s, want 422 %s", body, status, got, want)
		}
	}
	marked := "\xef\xbb\xbf" + `{"entities": {"user_id": ["3413-BMNZE"]}, "features": ["subs_profile_fv:monthly_fee"]}`
	if status, got := ask(t, h, "POST", "/get-online-features", marked); status != 200 || !strings.Contains(got, "3413-BMNZE") {
		t.Errorf("a body behind a byte order mark: %d %s", status, got)
	}
	if status, got := ask(t, h, "POST", "/get-online-features", `{"entities":{"user_id":["`+strings.Repeat("x", 2000)+`"]}}`); status != 413 || !strings.Contains(got, "larger than 2000 bytes") {
		t.Errorf("a large body: %d %s", status, got)
	}
}

func FuzzBody(f *testing.F) {
	registry, store := streamflow(f)
	h := httpapi.New(httpapi.Options{Reader: newReader(f, registry, store)})
	for _, body := range []string{`{"entities":{"user_id":["3413-BMNZE",null,5,1.5e3,true,{"a":[1]},"\u00e9\\"]},"features":["subs_profile_fv:monthly_fee"],"full_feature_names":true}`,
		` { "entities" : { "user" : [ ] } , "features" : [ "net_service" , "x" ] , "other" : { } } `, `{"entities":{"user_id":["\ud800"]},"feature_service":"x"}`, `[`, `{"a":"\"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if status, got := ask(t, h, "POST", "/get-online-features", body); status >= 500 {
			t.Errorf("%q: %d %s", body, status, got)
		}
	})
}

// TestCompressedBodies: they are named as what they are, not as wrong JSON.
func TestCompressedBodies(t *testing.T) {
	registry, store := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)})
	for encoding, want := range map[string]int{"gzip": 415, "br": 415, "identity": 422, "": 422} {
		r, w := httptest.NewRequest("POST", "/get-online-features", strings.NewReader("\x1f\x8b")), httptest.NewRecorder()
		r.Header.Set("Content-Encoding", encoding)
		h.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != want || want == 415 && !strings.Contains(got, "the body is encoded as "+encoding+"; send it as it is") {
			t.Errorf("%q: %d %s", encoding, w.Code, got)
		}
	}
}

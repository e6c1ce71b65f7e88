package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/asof-dev/asof/redis"
)

// wellFormed is replies as Redis sends them, with what they say.
var wellFormed = []struct {
	sent string
	says string
}{
	{"+OK\r\n", `+"OK"`},
	{"-ERR no such thing\r\n", `-"ERR no such thing"`},
	{"$5\r\nab\r\nc\r\n", `$"ab\r\nc"`},
	{"$0\r\n\r\n", `$""`},
	{"$-1\r\n", `$nil`},
	{"*0\r\n", `*`},
	{"*3\r\n$1\r\nx\r\n$-1\r\n$0\r\n\r\n", `*"x" nil ""`},
	{"*1\r\n$12\r\n$5\r\nhello\r\n\r\r\n", `*"$5\r\nhello\r\n\r"`},
}

func describe(kind byte, values [][]byte) string {
	words := make([]string, len(values))
	for i, v := range values {
		if words[i] = "nil"; v != nil {
			words[i] = fmt.Sprintf("%q", v)
		}
	}
	return string(kind) + strings.Join(words, " ")
}

// TestReplySplitAnywhere reads all replies in one go, byte by byte, and cut in
// two at every byte.
func TestReplySplitAnywhere(t *testing.T) {
	var all string
	var want []string
	for _, r := range wellFormed {
		all, want = all+r.sent, append(want, r.says)
	}
	readers := []io.Reader{strings.NewReader(all), iotest.OneByteReader(strings.NewReader(all))}
	for cut := range all {
		readers = append(readers, io.MultiReader(strings.NewReader(all[:cut]), strings.NewReader(all[cut:])))
	}
	for i, from := range readers {
		var got []string
		err := redis.ReadReplies(from, func(kind byte, values [][]byte) { got = append(got, describe(kind, values)) })
		if !errors.Is(err, io.EOF) || !slices.Equal(got, want) {
			t.Errorf("reader %d: %v, %v, want %v", i, got, err, want)
		}
	}
}

// TestReplyHuge reads a value that is far larger than the buffer between small
// ones, in pieces.
func TestReplyHuge(t *testing.T) {
	huge := bytes.Repeat([]byte("0123456789abcde\n"), 1<<20)
	sent := fmt.Sprintf("$2\r\nhi\r\n*2\r\n$%d\r\n%s\r\n$3\r\nend\r\n$2\r\nho\r\n", len(huge), huge)
	var got [][]byte
	err := redis.ReadReplies(iotest.HalfReader(strings.NewReader(sent)), func(_ byte, values [][]byte) {
		for _, v := range values {
			got = append(got, bytes.Clone(v))
		}
	})
	want := [][]byte{[]byte("hi"), huge, []byte("end"), []byte("ho")}
	if !errors.Is(err, io.EOF) || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d values, %v", len(got), err)
	}
}

func TestReplyMalformed(t *testing.T) {
	for sent, says := range map[string]string{
		"\x00":                           "where a reply begins",
		"%1\r\n":                         "where a reply begins",
		":1\r\n":                         "where a reply begins",
		"$x\r\n":                         "no number",
		"$\r\n":                          "no number",
		"$-\r\n":                         "no number",
		"$-2\r\n":                        "no number",
		"$-11\r\n":                       "no number",
		"$1-\r\n":                        "no number",
		"$1\rx":                          "no number",
		"$3\r\nabcd\r\n":                 "longer than it says",
		"$536870913\r\n":                 "length of more than",
		"$99999999999999999999999\r\n":   "length of more than",
		"*99999999999999999999999\r\n":   "length of more than",
		"*-1\r\n":                        "null",
		"*1\r\n*1\r\n$1\r\nx\r\n":        "where a string begins",
		"*1\r\n-ERR\r\n":                 "where a string begins",
		"+OK\n":                          "carriage return",
		"-" + strings.Repeat("x", 1<<20): "without an end",
	} {
		err := redis.ReadReplies(strings.NewReader(sent), func(byte, [][]byte) {})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want %q", sent, err, says)
		}
	}
}

// FuzzReplies holds that whatever comes, how it is cut does not matter, and
// what was read is what was sent.
func FuzzReplies(f *testing.F) {
	for _, r := range wellFormed {
		f.Add([]byte(r.sent), uint8(3))
	}
	f.Add([]byte("*2\r\n$1\r\nx\r\n"), uint8(0))
	f.Fuzz(func(t *testing.T, sent []byte, size uint8) {
		read := func(from io.Reader) (says []string, length int, err error) {
			err = redis.ReadReplies(from, func(kind byte, values [][]byte) {
				says = append(says, describe(kind, values))
				for _, v := range values {
					length += len(v)
				}
			})
			return says, length, err
		}
		whole, length, err := read(bytes.NewReader(sent))
		if length > len(sent) {
			t.Fatalf("%d bytes of values in %d bytes", length, len(sent))
		}
		cut, _, cutErr := read(&chunks{sent, int(size)%17 + 1})
		if !slices.Equal(whole, cut) || err.Error() != cutErr.Error() {
			t.Errorf("whole: %v, %v; in pieces: %v, %v", whole, err, cut, cutErr)
		}
	})
}

// chunks reads so many bytes at once.
type chunks struct {
	left []byte
	size int
}

func (c *chunks) Read(to []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(to[:min(len(to), c.size)], c.left)
	c.left = c.left[n:]
	return n, nil
}

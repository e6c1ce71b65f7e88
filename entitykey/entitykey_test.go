package entitykey_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
)

//go:generate python3 testdata/golden.py

// golden is one line of testdata/golden.jsonl, which golden.py makes with
// Feast's SDK.
type golden struct {
	Version int
	Names   []string
	Values  [][2]string // type, text
	Key     string      // hexadecimal
}

func (g golden) values(t *testing.T) []entitykey.Value {
	t.Helper()
	values := make([]entitykey.Value, len(g.Values))
	for i, v := range g.Values {
		values[i] = parse(t, v[0], v[1])
	}
	return values
}

func parse(t *testing.T, kind, text string) entitykey.Value {
	t.Helper()
	switch kind {
	case "string":
		return entitykey.String(text)
	case "bytes":
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return entitykey.Bytes(b)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "int32":
		return entitykey.Int32(int32(n))
	case "int64":
		return entitykey.Int64(n)
	case "unix_timestamp":
		return entitykey.UnixTimestamp(n)
	}
	t.Fatalf("unknown kind %q", kind)
	return entitykey.Value{}
}

func readGolden(t *testing.T) []golden {
	t.Helper()
	f, err := os.Open("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []golden
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, g)
	}
	if len(cases) < 100 {
		t.Fatalf("%d golden cases, want at least 100", len(cases))
	}
	return cases
}

func TestKeysAreFeasts(t *testing.T) {
	for _, g := range readGolden(t) {
		enc, err := entitykey.NewEncoder(g.Version, g.Names...)
		if err != nil {
			t.Fatal(err)
		}
		values := g.values(t)
		got, err := enc.Append([]byte("before"), values...)
		if err != nil {
			t.Fatal(err)
		}
		if want := "before" + unhex(t, g.Key); string(got) != want {
			t.Errorf("version %d, %q %q:\n got %x\nwant %x", g.Version, g.Names, g.Values, got, want)
		}
		back, err := enc.Decode(nil, got[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back, values) {
			t.Errorf("decoded %+v, want %+v", back, values)
		}
	}
}

func TestDecodeWithoutNames(t *testing.T) {
	for _, g := range readGolden(t) {
		if g.Version != 3 {
			continue
		}
		names, values, err := entitykey.Decode([]byte(unhex(t, g.Key)))
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(g.Names))
		if !slices.Equal(names, want) {
			t.Errorf("names %q, want %q", names, want)
		}
		for i, given := range g.values(t) {
			if got := values[slices.Index(names, g.Names[i])]; got != given {
				t.Errorf("%s is %+v, want %+v", g.Names[i], got, given)
			}
		}
	}
}

func TestViewWithoutEntities(t *testing.T) {
	for version, want := range map[int]string{
		2: "020000005f5f64756d6d795f69640200000000000000",
		3: "01000000020000000a0000005f5f64756d6d795f69640200000000000000",
	} {
		enc, err := entitykey.NewEncoder(version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := enc.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(got) != want {
			t.Errorf("version %d: %x, want %s", version, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := entitykey.NewEncoder(1, "a"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("version 1: %v", err)
	}
	if _, err := entitykey.NewEncoder(3, "a", "b", "a"); err == nil || !strings.Contains(err.Error(), `"a" is named twice`) {
		t.Errorf("a name given twice: %v", err)
	}
	enc, err := entitykey.NewEncoder(3, "user_id", "day")
	if err != nil {
		t.Fatal(err)
	}
	dst := []byte("kept")
	got, err := enc.Append(dst, entitykey.Int64(1), entitykey.Value{})
	if err == nil || !strings.Contains(err.Error(), `"day" has no value`) || !bytes.Equal(got, dst) {
		t.Errorf("a null: %q, %v", got, err)
	}
	if _, err := enc.Append(nil, entitykey.Int64(1)); err == nil || !strings.Contains(err.Error(), "2 join keys was given 1 values") {
		t.Errorf("a value too few: %v", err)
	}
}

func TestAppendMakesNoGarbage(t *testing.T) {
	enc, err := entitykey.NewEncoder(3, "user_id", "day")
	if err != nil {
		t.Fatal(err)
	}
	id, dst := []byte("3413-BMNZE"), make([]byte, 0, 128)
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := enc.Append(dst, entitykey.Bytes(id), entitykey.Int64(7)); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a key, want none", allocations)
	}
}

// FuzzDecode: what Decode takes, an Encoder of the same names writes again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00k\x04\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, key []byte) {
		names, values, err := entitykey.Decode(key)
		if err != nil || len(names) == 0 {
			return
		}
		enc, err := entitykey.NewEncoder(3, names...)
		if err != nil || !slices.IsSorted(names) {
			return // Feast never writes such a key
		}
		again, err := enc.Append(nil, values...)
		if err != nil || !bytes.Equal(again, key) {
			t.Fatalf("%x decodes to %q %+v, which is written as %x (%v)", key, names, values, again, err)
		}
	})
}

// FuzzDecodeWithNames: no bytes make an Encoder's Decode panic, in either version.
func FuzzDecodeWithNames(f *testing.F) {
	f.Add(2, []byte("\x02\x00\x00\x00k\x02\x00\x00\x00\x01\x00\x00\x00x"))
	f.Add(3, []byte("\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00k\x02\x00\x00\x00\x01\x00\x00\x00x"))
	f.Fuzz(func(t *testing.T, version int, key []byte) {
		enc, err := entitykey.NewEncoder(version, "k")
		if err != nil {
			return
		}
		values, err := enc.Decode(nil, key)
		if err != nil {
			return
		}
		if again, err := enc.Append(nil, values...); err != nil || !bytes.Equal(again, key) {
			t.Fatalf("%x decodes to %+v, which is written as %x (%v)", key, values, again, err)
		}
	})
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

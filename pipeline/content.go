package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
)

// content is the hash of what a load puts into the stage: how it reads, and
// the names and bytes of what it reads.
type content struct{ hash.Hash }

func newContent(load *LoadStep) content {
	c := content{sha256.New()}
	_ = json.NewEncoder(c).Encode(load) // names, types and texts: nothing that JSON cannot write
	return c
}

// file begins a file, whose bytes follow.
func (c content) file(in input) {
	_ = json.NewEncoder(c).Encode([]any{in.name, in.given})
}

func (c content) String() string { return hex.EncodeToString(c.Sum(nil)) }

// contentOf returns the content of files as a load would read them.
func contentOf(load *LoadStep, inputs []input) (string, error) {
	c := newContent(load)
	for _, in := range inputs {
		c.file(in)
		file, err := os.Open(in.path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(c, file)
		_ = file.Close()
		if err != nil {
			return "", err
		}
	}
	return c.String(), nil
}

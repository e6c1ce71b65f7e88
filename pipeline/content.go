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
// the bytes that it reads.
type content struct{ hash.Hash }

func newContent(load *LoadStep) content {
	c := content{sha256.New()}
	_ = json.NewEncoder(c).Encode(load) // names, types and texts: nothing that JSON cannot write
	return c
}

func (c content) String() string { return hex.EncodeToString(c.Sum(nil)) }

// contentOf returns the content of a file as a load would read it.
func contentOf(load *LoadStep, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	c := newContent(load)
	_, err = io.Copy(c, file)
	return c.String(), err
}

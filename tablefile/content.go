package tablefile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
)

// content is the hash of rows: how files are read, and their names and bytes.
type content struct{ hash.Hash }

func newContent(form *Form) content {
	c := content{sha256.New()}
	_ = json.NewEncoder(c).Encode(form) // names, types and texts: nothing that JSON cannot write
	return c
}

// file begins a file, whose bytes follow.
func (c content) file(in input) {
	_ = json.NewEncoder(c).Encode([]any{in.name, in.given})
}

func (c content) String() string { return hex.EncodeToString(c.Sum(nil)) }

// Content returns a hash of the rows that the files hold: of how they are read,
// and of their names and bytes. It is what a Reader's Content is in the end.
func (f Files) Content() (string, error) {
	c := newContent(f.form)
	for _, in := range f.inputs {
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

package definition

import "bytes"

// ByPython is the script that LoadByPython runs.
var ByPython = bypython

// ReadMessages reads what the script prints.
func ReadMessages(config *Config, out []byte) (*Result, error) {
	return readMessages(config, bytes.NewBuffer(out))
}

package definition

import "github.com/asof-dev/asof"

// Keys returns the settings of the file's top level, in its order.
func (c *Config) Keys() (keys []string) {
	for _, item := range c.root.Values {
		keys = append(keys, item.Key.GetToken().Value)
	}
	return keys
}

// Place returns where a setting of the top level stands; where the file leaves
// it out, the file.
func (c *Config) Place(key string) asof.Place {
	for _, item := range c.root.Values {
		if t := item.Key.GetToken(); t.Value == key {
			return asof.Place{File: c.Path, Line: t.Position.Line}
		}
	}
	return asof.Place{File: c.Path, Line: 1}
}

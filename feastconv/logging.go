package feastconv

import (
	"net/url"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// Logging returns where the logs of a feature service go, nil for nowhere.
func Logging(service *asof.FeatureService) *core.LoggingConfig {
	m := &core.LoggingConfig{}
	if len(service.Logging) == 0 || proto.Unmarshal(service.Logging, m) != nil {
		return nil
	}
	return m
}

// LocalPath returns a path of a definition as one of this machine: relative
// ones start from dir.
func LocalPath(dir, path string) (string, error) {
	if u, err := url.Parse(path); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" {
			return "", asof.Errorf(asof.CodeInvalid, "%s is not on this machine, and only local files are written", path)
		}
		path = u.Path
	}
	switch {
	case path == "":
		return "", asof.Errorf(asof.CodeInvalid, "no path is given")
	case filepath.IsAbs(path):
		return path, nil
	}
	return filepath.Join(dir, path), nil
}

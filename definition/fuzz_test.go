package definition

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad checks that no definition file makes the loader panic or run on.
func FuzzLoad(f *testing.F) {
	variants, err := filepath.Glob("testdata/variants/*.txtar")
	if err != nil || len(variants) == 0 {
		f.Fatal(err)
	}
	for _, file := range variants {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if filepath.Ext(part.Name) == ".py" {
				f.Add(string(part.Data))
			}
		}
	}
	for _, source := range []string{
		"from feast import *\nx = Field(name=1, dtype=2)\ny = Entity(*[1], **{'a': 1})",
		"from feast.feature_logging import *\nfrom feast.infra.offline_stores.file_source import *\nx = LoggingConfig(FileLoggingDestination(path='x'), float('nan'))\nfrom feast import *\ns = FeatureService(name='s', features=[], logging_config=x)",
		"from feast.types import *\nx = Array(Struct({'a': Array(Set(Array(Int64)))}))\ny = Set(Map)\nz = Struct({1: 2})",
		"from feast import *\nv = FeatureView(name='v', source=FileSource(path='a'))\nw = v[['x']].with_name(1)\nx = v[[1]]\ny = v.with_join_key_map([])",
		"from feast import *\nx = Permission(name='p', types=[1], actions='x', name_patterns=[1])",
		"from feast.on_demand_feature_view import *\n@on_demand_feature_view(schema=[], sources=[])\ndef f(x): pass\n@on_demand_feature_view\ndef g(x): pass\nh = on_demand_feature_view(schema=[])(1)",
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		config := &Config{Dir: "/repository", Project: "shop"}
		result, err := load(config, fstest.MapFS{"f.py": {Data: []byte(source)}}, nil)
		if (result == nil) == (err == nil) {
			t.Errorf("got %v and %v", result, err)
		}
	})
}

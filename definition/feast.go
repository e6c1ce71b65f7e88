package definition

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// classes are all of Feast's classes that definition files use.
func classes() []*class {
	all := slices.Concat(entityClasses, sourceClasses, viewClasses, onDemandClasses, serviceClasses, otherClasses, typeClasses, []*class{valueTypeClass()})
	for _, o := range otherSources {
		all = append(all, o.class())
	}
	return all
}

// otherNames are names that Feast exports and that definitions only mention:
// using them is not part of a definition.
var otherNames = strings.Fields(`FeatureViewState DataFrameEngine FeastDataFrame Feature FeastVectorStore DocEmbedder
	SchemaTransformFn BaseChunker TextChunker ChunkingConfig BaseEmbedder MultiModalEmbedder EmbeddingConfig EmbeddingProvider
	SentenceTransformersEmbeddingProvider get_embedding_provider FilterTranslator copy_demo_notebooks ChrononSource
	SavedDataset ValidationReference DataSource BaseFeatureView FeatureViewProjection __version__`)

// feastModule is the package feast, or a module below it. Any of Feast's
// modules gives any of its classes: what cannot be imported in Feast does not
// stand in a working repository.
type feastModule struct {
	path   string // "" for feast itself
	loader *loader
}

func (m feastModule) name() string {
	if m.path == "" {
		return "feast"
	}
	return "feast." + m.path
}

func (m feastModule) String() string        { return "<module '" + m.name() + "'>" }
func (m feastModule) Type() string          { return "module" }
func (m feastModule) Freeze()               {}
func (m feastModule) Truth() starlark.Bool  { return true }
func (m feastModule) Hash() (uint32, error) { return starlark.String(m.path).Hash() }

// AttrNames returns the names that a star import binds: those of the module.
func (m feastModule) AttrNames() []string {
	var names []string
	for name, homes := range m.loader.homes {
		if slices.Contains(homes, m.name()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Attr returns a class, a type, or a module below this one.
func (m feastModule) Attr(name string) (starlark.Value, error) {
	if v, ok := m.loader.names[name]; ok {
		return v, nil
	}
	if slices.Contains(otherNames, name) {
		return python.Library(m.name() + "." + name), nil
	}
	if v, err := m.Submodule(name); err == nil {
		return v, nil
	}
	near := m.loader.suggest(name)
	if near == "" && m.path != "" && m.path != "types" {
		return python.Library(m.name() + "." + name), nil // a name of Feast's that definitions only mention
	}
	return nil, &python.Error{Kind: python.Import, Message: fmt.Sprintf("%s has no %q", m.name(), name) + near}
}

// Submodule returns a module below this one.
func (m feastModule) Submodule(path string) (starlark.Value, error) {
	full := m.name() + "." + path
	for _, module := range m.loader.modules {
		if module == full || strings.HasPrefix(module, full+".") {
			return feastModule{strings.TrimPrefix(full, "feast."), m.loader}, nil
		}
	}
	if near := asof.Nearest(full, m.loader.modules); len(near) > 0 {
		return nil, &python.Error{Kind: python.Import, Message: fmt.Sprintf("there is no module %q", full) + asof.DidYouMean(full, m.loader.modules)}
	}
	// One of Feast's many modules that hold nothing for definitions.
	return python.Library(full), nil
}

// Home names the module from which a name is usually imported.
func (m feastModule) Home(name string) string {
	homes := m.loader.homes[name]
	if len(homes) == 0 {
		return ""
	}
	return homes[0]
}

// suggest names what may have been meant, and where it is imported from.
func (l *loader) suggest(name string) string {
	near := asof.Nearest(name, sortedNames(l.names))
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %q, from %s?", near[0], l.homes[near[0]][0])
}

// offer makes Feast's names known to the definition files: each by its home
// modules, the first being the usual one.
func (l *loader) offer() {
	l.names, l.homes, l.classes = map[string]starlark.Value{}, map[string][]string{}, map[string]*class{}
	add := func(name string, v starlark.Value, homes ...string) {
		l.names[name], l.homes[name] = v, homes
		for _, home := range homes {
			if !slices.Contains(l.modules, home) {
				l.modules = append(l.modules, home)
			}
		}
	}
	for _, c := range classes() {
		var homes []string
		for i, module := range c.modules {
			module, hidden := strings.CutPrefix(module, "-")
			if !hidden && i == 0 {
				homes = append(homes, "feast")
			}
			homes = append(homes, module)
		}
		if c.name == "PostgreSQLSource" {
			homes = homes[1:] // Feast's own package does not export it
		}
		l.classes[c.name] = c
		add(c.name, &constructor{c, l}, homes...)
	}
	for name, v := range scalarTypes {
		add(name, typeValue{asof.Scalar(v)}, "feast.types")
	}
	for name, v := range actionLists(l.classes["AuthzedAction"].members) {
		add(name, v, "feast.permissions.action")
	}
	add("AllowAll", starlark.None, "feast.permissions.policy")
	for name, home := range map[string]string{"FeatureStore": "feast.feature_store", "RepoConfig": "feast.repo_config"} {
		add(name, opened(name), "feast", home)
	}
	slices.Sort(l.modules)
}

// opened is a class of Feast's that a definition file may call, but whose
// objects do nothing here.
func opened(name string) starlark.Value {
	return starlark.NewBuiltin(name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return python.Library("feast." + name), nil
	})
}

func (l *loader) class(name string) *class { return l.classes[name] }

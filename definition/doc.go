// Package definition reads a Feast repository: feature_store.yaml into a
// [Config], and the Python files into the nouns of the root package.
//
// [Load] runs the files through package python with Feast's classes as
// builtins. A class checks its arguments as Feast's own constructor does, but
// goes on after a mistake, so that all mistakes of a repository come together,
// each with its file, line, text and what to write instead. As in Feast, what
// the variables of modules hold is registered, by name of file and variable.
//
// Files that open a FeatureStore, or that define nothing and need a library that
// is not here, are skipped and named. For files that use more of Python than can
// be run here, [LoadByPython] has an installed Feast load the definitions.
//
// The package also holds the templates of `asof init`.
package definition

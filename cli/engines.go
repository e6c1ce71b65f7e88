package cli

import (
	"context"
	"io"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
)

// Engines is the table of technologies that a binary is made of. An engine of
// one's own is a main that adds a row and calls [Main].
type Engines struct {
	Registry    []Engine[asof.Registry]
	Offline     []Engine[asof.OfflineStore]
	Online      []Engine[asof.OnlineStore]
	Warehouse   []Engine[asof.Warehouse]
	Ledger      []Engine[asof.Ledger]
	Runs        []Engine[asof.RunStore]
	Statistics  []Engine[asof.StatisticsStore]
	Definitions []Engine[asof.DefinitionLog]
}

// Engine is one technology in one role. Names are what a section of
// feature_store.yaml calls it by its type, the first one the usual.
type Engine[S any] struct {
	Names []string
	Open  func(ctx context.Context, s Setup) (S, error)
}

// Setup is what a store is opened with.
type Setup struct {
	Config  *definition.Config
	Section definition.Section // the store's own; its settings are decoded by the engine
	Warn    func(asof.Problems)
	Memory  int64 // bytes that an engine in the process may take; 0: what it thinks right

	repository *repository
}

// Decode fills an engine's settings from its section, and reports the keys
// that the engine does not know.
func (s Setup) Decode(into any) error {
	warnings, err := s.Section.Decode(into)
	s.Warn(warnings)
	return err
}

// open opens the engine that the section names.
func open[S any](ctx context.Context, table []Engine[S], s Setup) (S, error) {
	var known []string
	for _, e := range table {
		for _, name := range e.Names {
			if name == s.Section.Type {
				return e.Open(ctx, s)
			}
		}
		known = append(known, e.Names[0])
	}
	var none S
	return none, asof.Errorf(asof.CodeInvalid, "%s: %s of type %q is not one that this binary has%s",
		s.Config.Path, s.Section.Name, s.Section.Type, asof.DidYouMean(s.Section.Type, known))
}

// Share opens what several stores of a repository have in common, a pool of
// connections say, once for each key, and closes it after them. Stores may call
// it at any time, side by side.
func Share[K comparable, S io.Closer](s Setup, key K, open func() (S, error)) (S, error) {
	r := s.repository
	r.sharing.Lock()
	defer r.sharing.Unlock()
	if there, ok := r.shared[key]; ok {
		return there.(S), nil
	}
	made, err := open()
	if err != nil {
		return made, err
	}
	if r.shared == nil {
		r.shared = map[any]io.Closer{}
	}
	r.shared[key] = made
	r.closers = append(r.closers, made)
	return made, nil
}

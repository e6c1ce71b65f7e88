//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/asof-dev/asof"
)

// fault gives an error of the engine its code and a sentence; doing says what
// was tried. What is an asof.Error already, or the end of a context, stays.
func fault(doing string, err error) error {
	var known *asof.Error
	var engine *duckdb.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &engine):
		return asof.Errorf(asof.CodeUnavailable, "%s: %w", doing, err)
	}
	message, _, _ := strings.Cut(engine.Msg, "\n")
	switch engine.Type {
	case duckdb.ErrorTypeOutOfMemory, duckdb.ErrorTypeIO:
		return asof.Errorf(asof.CodeUnavailable, "%s: %s", doing, message)
	case duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal:
		return asof.Errorf(asof.CodeInternal, "%s: %s", doing, message)
	}
	return asof.Errorf(asof.CodeInvalid, "%s: %s", doing, message)
}

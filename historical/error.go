package historical

import (
	"errors"
	"fmt"

	"github.com/asof-dev/asof"
)

// What is wrong with a request, for surfaces that tell these apart: an error of
// Run, Records and Plan that is CodeInvalid may wrap one of them.
var (
	ErrNameCollision = errors.New("two features have the same name")
	ErrMissingKey    = errors.New("the entity rows lack a join key")
	ErrRequestData   = errors.New("the entity rows lack request data")
	ErrNoTimestamp   = errors.New("the entity rows have no one column of times")
)

// because makes an error of CodeInvalid that wraps a cause.
func because(cause error, format string, args ...any) error {
	return &asof.Error{Code: asof.CodeInvalid, Message: fmt.Sprintf(format, args...), Cause: cause}
}

package asof

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an error is, so that every surface can answer
// in its own terms: an exit code, an HTTP status, a gRPC code.
type Code string

// The codes. An error without one is CodeInternal.
const (
	CodeInvalid         Code = "invalid"         // the caller's mistake: a bad value, file, definition
	CodeNotFound        Code = "not_found"       // the named object does not exist
	CodeConflict        Code = "conflict"        // somebody else changed the same thing first
	CodeUnavailable     Code = "unavailable"     // a store is down, slow or full; trying again may help
	CodeUnauthenticated Code = "unauthenticated" // a password or token is missing or wrong
	CodeForbidden       Code = "forbidden"       // known, but not allowed
	CodeInternal        Code = "internal"        // our own mistake
)

// Error is a failure with a code and a sentence for a person: what happened,
// where, and what to do.
type Error struct {
	Code    Code
	Message string
	Cause   error // may be nil
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error. Verbs are fmt's; a %w operand becomes the cause.
func Errorf(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// ErrorCode returns the code of the first Error in err's chain, CodeInternal
// where there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

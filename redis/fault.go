package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
)

// fault gives an error of the client its code and a sentence. What is an
// asof.Error already stays as it is; doing says what was tried. Redis does not
// repeat passwords in its errors.
func (o *Online) fault(doing string, err error) error {
	var known *asof.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return err
	}
	message, ok := serverMessage(err)
	if !ok {
		return &asof.Error{Code: asof.CodeUnavailable, Cause: err,
			Message: fmt.Sprintf("%s: Redis at %s does not answer: %s", doing, o.where, reason(err))}
	}
	for _, k := range knownFaults {
		if strings.Contains(message, k.word) {
			return asof.Errorf(k.code, "%s: Redis at %s %s: %s", doing, o.where, k.says, message)
		}
	}
	return asof.Errorf(asof.CodeUnavailable, "%s: Redis at %s: %s", doing, o.where, message)
}

// serverMessage returns what the server answered in place of a reply.
func serverMessage(err error) (string, bool) {
	if server, ok := rueidis.IsRedisErr(err); ok {
		return server.Error(), true
	}
	own, ok := errors.AsType[replyError](err)
	return string(own), ok
}

// knownFaults are found by their word anywhere in a message: an error within a
// script comes behind a text of the script's.
var knownFaults = []struct {
	word string
	code asof.Code
	says string
}{
	{"NOAUTH", asof.CodeUnauthenticated, "asks for a password; write password=… into connection_string"},
	{"WRONGPASS", asof.CodeUnauthenticated, "refuses the login; check username and password in connection_string"},
	{"invalid password", asof.CodeUnauthenticated, "refuses the login; check the password in connection_string"},
	{"without any password configured", asof.CodeUnauthenticated, "asks for no password; take it out of connection_string"},
	{"NOPERM", asof.CodeForbidden, "does not let the user do that; grant it, on the keys *PROJECT"},
	{"OOM ", asof.CodeUnavailable, "is full; raise its maxmemory, or remove what is not needed"},
	{"READONLY", asof.CodeUnavailable, "is a replica, which cannot be written to; name the master in connection_string"},
	{"LOADING", asof.CodeUnavailable, "is still loading its data"},
	{"MISCONF", asof.CodeUnavailable, "takes no writes, because it cannot save them"},
	{"No such master", asof.CodeInvalid, "watches no such master; correct sentinel_master"},
	{"MOVED", asof.CodeInvalid, "is part of a cluster; set redis_type: redis_cluster"},
	{"cluster support disabled", asof.CodeInvalid, "is no cluster; set redis_type: redis"},
}

// wrongType is the error for something at a key of ours that is no hash.
func (o *Online) wrongType(key string, err error) error {
	if message, ok := serverMessage(err); ok && strings.Contains(message, "WRONGTYPE") {
		return asof.Errorf(asof.CodeInvalid, "Redis at %s holds something at the key %q that is not a hash of features; remove it (DEL), or keep it in another db", o.where, key)
	}
	return err
}

// reason is why there is no answer, without the addresses that the message
// names already.
func reason(err error) string {
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &lookup):
		return lookup.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	case errors.As(err, &network) && network.Op == "dial":
		return network.Err.Error()
	case errors.As(err, &network) && network.Timeout():
		return "it took too long"
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

package redis

import (
	"encoding/json"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Kind is how the servers work together, in Feast's words.
type Kind string

// The kinds. The empty one is Single.
const (
	Single   Kind = "redis"
	Cluster  Kind = "redis_cluster"
	Sentinel Kind = "redis_sentinel"
)

// Config says which Redis, and how rows are kept there.
type Config struct {
	Connection string // Feast's connection_string: host:port,db=0,password=…; "" is localhost:6379
	Dir        string // where relative paths of the connection start
	Kind       Kind
	Master     string // what Sentinel calls the master; "" is mymaster

	KeyVersion   int           // entity_key_serialization_version
	KeyTTL       time.Duration // a key expires so long after its last write; 0 for never; whole seconds
	KeepsRemoved bool          // Update does not look through the keys for what was removed: full_scan_for_deletion: false
}

// connection is what a connection string says.
type connection struct {
	addrs              []string
	db                 int
	username, password string
	clientName         string
	dial, answer       time.Duration // how long one may take; 0 for the default
	tls                tlsSettings
}

// harmless are parameters of Feast's Redis client that change nothing that is
// read or written; the client here does its own way of it.
var harmless = map[string]bool{"skip_full_coverage_check": true, "require_full_coverage": true, "health_check_interval": true,
	"socket_keepalive": true, "retry_on_timeout": true, "max_connections": true, "protocol": true, "encoding": true, "cluster_error_retry_attempts": true}

// parseConnection reads host:port,host:port,parameter=value,… and returns the
// parameters that it does not know too. No message shows a value.
func parseConnection(text, dir string) (c connection, unknown []string, err error) {
	if text == "" {
		text = "localhost:6379"
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			addr, err := address(strings.TrimSpace(part))
			if err != nil {
				return c, nil, err
			}
			c.addrs = append(c.addrs, addr)
			continue
		}
		known, err := c.set(strings.TrimSpace(name), unquoted(value), dir)
		if err != nil {
			return c, nil, err
		}
		if !known {
			unknown = append(unknown, name)
		}
	}
	if len(c.addrs) == 0 {
		return c, nil, asof.Errorf(asof.CodeInvalid, "connection_string names no server: begin it with host:port")
	}
	return c, unknown, nil
}

func address(text string) (string, error) {
	if !strings.Contains(text, ":") {
		text += ":6379"
	}
	host, port, err := net.SplitHostPort(text)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 || host == "" {
		// A part without a = may be the rest of a password with a comma.
		return "", asof.Errorf(asof.CodeInvalid, "connection_string has a part that is neither host:port nor parameter=value; its parts are separated by commas, which no value can hold")
	}
	return net.JoinHostPort(host, port), nil
}

// unquoted returns the text of a JSON string: Feast reads values as JSON first.
func unquoted(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// set takes one parameter, named as in Feast's Redis client, and reports
// whether it is known.
func (c *connection) set(name, value, dir string) (known bool, err error) {
	if value == "null" {
		return true, nil
	}
	switch name {
	case "db":
		c.db, err = strconv.Atoi(value)
	case "username":
		c.username = value
	case "password":
		c.password = value
	case "client_name":
		c.clientName = value
	case "socket_connect_timeout":
		c.dial, err = seconds(value)
	case "socket_timeout":
		c.answer, err = seconds(value)
	case "ssl":
		c.tls.on, err = strconv.ParseBool(value)
	case "ssl_check_hostname":
		var check bool
		check, err = strconv.ParseBool(value)
		c.tls.anyName = !check
	case "ssl_cert_reqs":
		c.tls.unchecked = value == "none" || value == "CERT_NONE"
	case "ssl_ca_certs":
		c.tls.authorities = file(dir, value)
	case "ssl_certfile":
		c.tls.certificate = file(dir, value)
	case "ssl_keyfile":
		c.tls.key = file(dir, value)
	default:
		if strings.HasPrefix(name, "ssl_") {
			return false, asof.Errorf(asof.CodeInvalid, "connection_string: %s is not supported; use ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_cert_reqs and ssl_check_hostname", name)
		}
		return harmless[name], nil
	}
	if err != nil {
		return false, asof.Errorf(asof.CodeInvalid, "connection_string: the value of %s is not one that it can have", name)
	}
	return true, nil
}

func seconds(text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	return time.Duration(s * float64(time.Second)), err
}

func file(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Config says which database. The zero value of a field takes Feast's default.
type Config struct {
	Host     string // 127.0.0.1
	Port     int    // 5432
	Database string
	Schema   string // public; Feast's db_schema
	User     string
	Password string
	SSLMode  string // prefer
	SSLCert  string // path of the client's certificate
	SSLKey   string
	SSLRoot  string // path of the authority's certificate
	MaxConns int    // 10
}

// DB is one database with its schema. It connects when first used.
type DB struct {
	pool   *pgxpool.Pool
	schema string
	where  string // host:port/database, for messages

	ledgerSeen atomic.Bool // the ledger's indexes were looked at
}

// session are the settings that decide how values are written and read. A
// server, database or role may have others, which must not change an answer.
var session = map[string]string{"application_name": "asof", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres",
	"extra_float_digits": "1", "bytea_output": "hex", "standard_conforming_strings": "on"}

// Open prepares a pool. A setting that cannot be right is CodeInvalid; whether
// the server answers is seen by the first query.
func Open(ctx context.Context, c Config) (*DB, error) {
	conf, err := pgxpool.ParseConfig(c.url())
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the settings of PostgreSQL are not usable: %s", redact(err.Error(), c.Password))
	}
	conf.MaxConns = int32(max(c.MaxConns, 10))
	schema := c.Schema
	if schema == "" {
		schema = "public"
	}
	maps.Copy(conf.ConnConfig.RuntimeParams, session)
	conf.ConnConfig.RuntimeParams["search_path"] = sqltext.Name(schema)
	conf.ConnConfig.AfterConnect = noticeGone
	conf.ConnConfig.BuildFrontend = buffered
	pool, err := pgxpool.NewWithConfig(ctx, conf)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the settings of PostgreSQL are not usable: %s", redact(err.Error(), c.Password))
	}
	cc := conf.ConnConfig
	return &DB{pool: pool, schema: schema, where: fmt.Sprintf("%s:%d/%s", cc.Host, cc.Port, cc.Database)}, nil
}

// buffered reads what there is, up to 64 kB at once: PostgreSQL sends 8 kB at a
// time, and so much would be read by a call of its own each.
func buffered(r io.Reader, w io.Writer) *pgproto3.Frontend {
	return pgproto3.NewFrontend(bufio.NewReaderSize(r, 64<<10), w)
}

// noticeGone has the server end a query whose client is gone, killed say, within
// seconds: as it is, it finds out when it writes. It can on Linux; where it
// cannot, it refuses the setting, and things stay as they are.
func noticeGone(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, "SET client_connection_check_interval = '2s'").ReadAll()
	if server := (*pgconn.PgError)(nil); errors.As(err, &server) {
		return nil
	}
	return err
}

// Close closes the pool's connections.
func (db *DB) Close() error {
	db.pool.Close()
	return nil
}

func (c Config) url() string {
	host, port := c.Host, c.Port
	if host == "" {
		host = "127.0.0.1"
	}
	if port == 0 {
		port = 5432
	}
	u := url.URL{Scheme: "postgres", Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: "/" + c.Database}
	if c.User != "" {
		u.User = url.UserPassword(c.User, c.Password)
	}
	q := url.Values{}
	for key, value := range map[string]string{"sslmode": c.SSLMode, "sslcert": c.SSLCert, "sslkey": c.SSLKey, "sslrootcert": c.SSLRoot} {
		if value != "" {
			q.Set(key, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// fault gives an error of the driver its code and a sentence. What is an
// asof.Error already stays as it is; doing says what was tried.
func (db *DB) fault(doing string, err error) error {
	var known *asof.Error
	var server *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &server):
		return &asof.Error{Code: asof.CodeUnavailable, Cause: err,
			Message: fmt.Sprintf("%s: PostgreSQL at %s does not answer: %s", doing, db.where, reason(err))}
	}
	switch server.Code[:2] {
	case "28":
		return asof.Errorf(asof.CodeUnauthenticated, "%s: PostgreSQL at %s refuses the login: %s; check user and password in feature_store.yaml", doing, db.where, server.Message)
	case "53":
		return asof.Errorf(asof.CodeUnavailable, "%s: PostgreSQL at %s is full: %s (SQLSTATE %s); end what uses it up, or raise the server's limit", doing, db.where, server.Message, server.Code)
	case "08", "40", "55", "57", "58": // 08 is what a pooler between says, of a server that is away too
		return asof.Errorf(asof.CodeUnavailable, "%s: PostgreSQL at %s: %s (SQLSTATE %s)", doing, db.where, server.Message, server.Code)
	case "3D":
		return asof.Errorf(asof.CodeUnavailable, "%s: PostgreSQL at %s: %s; create it, or correct `database` in feature_store.yaml", doing, db.where, server.Message)
	}
	switch server.Code {
	case "25006":
		return asof.Errorf(asof.CodeUnavailable, "%s: PostgreSQL at %s takes no writes now: %s (SQLSTATE 25006); name the primary in feature_store.yaml, or end what made it read-only",
			doing, db.where, server.Message)
	case "3F000":
		return asof.Errorf(asof.CodeInvalid, "%s: PostgreSQL at %s has no schema %q; create it (CREATE SCHEMA %s), or correct `db_schema` in feature_store.yaml",
			doing, db.where, db.schema, sqltext.Name(db.schema))
	case "42501":
		return asof.Errorf(asof.CodeForbidden, "%s: PostgreSQL at %s: %s; grant it to the user in feature_store.yaml", doing, db.where, server.Message)
	}
	return asof.Errorf(asof.CodeInvalid, "%s: PostgreSQL at %s: %s (SQLSTATE %s)", doing, db.where, server.Message, server.Code)
}

// reason is why there is no connection, once: the driver repeats it on lines of
// its own for each address, with TLS and without.
func reason(err error) string {
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &lookup):
		return lookup.Error()
	case errors.As(err, &network) && network.Op == "dial":
		return network.Err.Error()
	}
	lines := strings.Split(err.Error(), "\n\t")
	return strings.Join(slices.Compact(lines), " ")
}

func redact(message, secret string) string {
	if secret == "" {
		return message
	}
	return strings.ReplaceAll(strings.ReplaceAll(message, secret, "…"), url.QueryEscape(secret), "…")
}

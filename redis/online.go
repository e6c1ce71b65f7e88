package redis

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/sync/singleflight"

	"github.com/asof-dev/asof"
)

// How long connecting and one answer may take where the connection string does
// not say.
const (
	dialTimeout   = 2 * time.Second
	answerTimeout = 5 * time.Second
)

// Online is an asof.OnlineStore in Feast's layout. It connects when first
// used, and again whenever the server is back.
//
// A row is written whole or not at all, and newest-wins is decided in the
// server. Rows of one call are not one: a reader may see some of them before
// the others, and a call that fails half way (the process or the connection
// dies, memory is full) leaves rows that it had written. The same call again
// completes it. Rows that cannot be written at all, such as one without an
// event time, fail a call before its first row.
type Online struct {
	config  Config
	option  rueidis.ClientOption
	where   string // for messages
	records sync.Map
	looking sync.Mutex // held while rows are looked for
	batches sync.Pool  // of *batch
	network *network   // for reads; everything else goes through the client
	cluster cluster

	client     atomic.Pointer[rueidis.Client]
	connecting singleflight.Group
	mu         sync.Mutex // held while connecting and closing
	closed     bool
}

var _ asof.OnlineStore = (*Online)(nil)
var _ asof.FeastLayout = (*Online)(nil)

// OpenOnline prepares the store. A setting that cannot be right is CodeInvalid;
// whether the server answers is seen by the first call. It returns what of the
// connection string has no effect here.
func OpenOnline(config Config) (o *Online, ignored []string, err error) {
	if config.KeyVersion != 2 && config.KeyVersion != 3 {
		return nil, nil, asof.Errorf(asof.CodeInvalid, "entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", config.KeyVersion)
	}
	c, ignored, err := parseConnection(config.Connection, config.Dir)
	if err != nil {
		return nil, nil, err
	}
	if len(c.addrs) > 1 && config.Kind != Cluster && config.Kind != Sentinel {
		c.addrs = c.addrs[:1] // as Feast; what follows may be the rest of a password with a comma
		ignored = append(ignored, "the servers after the first")
	}
	o = &Online{config: config, where: strings.Join(c.addrs, ", ")}
	o.batches.New = func() any { return &batch{cluster: config.Kind == Cluster} }
	if o.option, err = config.option(c); err != nil {
		return nil, nil, err
	}
	o.network = newNetwork(o.option)
	return o, ignored, nil
}

// option is how the client is made. RESP2 is what every server speaks; a
// command that failed is not sent again, because a server that is down has to
// be known as such at once.
func (c Config) option(conn connection) (rueidis.ClientOption, error) {
	encryption, err := conn.tls.config()
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	o := rueidis.ClientOption{InitAddress: conn.addrs, TLSConfig: encryption, Username: conn.username, Password: conn.password, ClientName: conn.clientName,
		SelectDB: conn.db, Dialer: net.Dialer{Timeout: dialTimeout}, ConnWriteTimeout: answerTimeout,
		AlwaysRESP2: true, DisableCache: true, DisableRetry: true, ClientSetInfo: rueidis.DisableClientSetInfo}
	if conn.dial > 0 {
		o.Dialer.Timeout = conn.dial
	}
	if conn.answer > 0 {
		o.ConnWriteTimeout = conn.answer
	}
	switch c.Kind {
	case Single, "":
		o.ForceSingleClient = true
	case Cluster:
		if conn.db != 0 {
			return o, asof.Errorf(asof.CodeInvalid, "connection_string: a Redis Cluster has no db %d; leave it out", conn.db)
		}
		o.ClusterOption.MaxMovedRedirections = 16
	case Sentinel:
		o.Sentinel = rueidis.SentinelOption{MasterSet: c.Master, Dialer: o.Dialer, TopologyRefreshInterval: 5 * time.Second}
		if c.Master == "" {
			o.Sentinel.MasterSet = "mymaster"
		}
	default:
		return o, asof.Errorf(asof.CodeInvalid, "redis_type is %q; it has to be redis, redis_cluster or redis_sentinel", c.Kind)
	}
	return o, nil
}

// FeastKeyVersion returns the version of the entity keys.
func (o *Online) FeastKeyVersion() int { return o.config.KeyVersion }

// Close ends the connections.
func (o *Online) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.network.close()
	if c := o.client.Swap(nil); c != nil {
		(*c).Close()
	}
	return nil
}

// connect returns the client. Callers who come while it is being made wait for
// the one attempt, as long as their context lets them.
func (o *Online) connect(ctx context.Context) (rueidis.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, o.fault("connecting", err)
	}
	if c := o.client.Load(); c != nil {
		return *c, nil
	}
	made := o.connecting.DoChan("", func() (any, error) { return o.dial() })
	select {
	case <-ctx.Done():
		return nil, o.fault("connecting", ctx.Err())
	case result := <-made:
		if result.Err != nil {
			return nil, o.fault("connecting", result.Err)
		}
		return result.Val.(rueidis.Client), nil
	}
}

func (o *Online) dial() (rueidis.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, errClosed
	}
	if c := o.client.Load(); c != nil {
		return *c, nil
	}
	client, err := rueidis.NewClient(o.option)
	if err != nil {
		return nil, err
	}
	o.client.Store(&client)
	return client, nil
}

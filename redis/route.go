package redis

import (
	"bytes"
	"context"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// clusterSlots is into how many slots a cluster divides its keys.
const clusterSlots = 1 << 14

// route says which server has a key: one has all, or each slot has its own.
type route struct {
	one   *server
	slots []*server // nil for a slot that no server has
}

// cluster is the slots as they were last asked for.
type cluster struct {
	known atomic.Pointer[route]
	stale atomic.Bool // a server was not what they say
}

// route returns where keys are, as the client knows it. In a cluster that may
// have changed: a server that has a key no more says which one does.
func (o *Online) route(ctx context.Context, c rueidis.Client) (route, error) {
	switch o.config.Kind {
	case Cluster:
		known := o.cluster.known.Load()
		if known != nil && !o.cluster.stale.CompareAndSwap(true, false) {
			return *known, nil
		}
		slots, err := o.askSlots(ctx, c)
		switch {
		case err == nil:
			known = &route{slots: slots}
			o.cluster.known.Store(known)
		case known == nil:
			return route{}, err
		default:
			o.cluster.stale.Store(true) // what is known may do meanwhile
		}
		return *known, nil
	case Sentinel:
		for addr := range c.Nodes() {
			return route{one: o.network.server(addr)}, nil
		}
	}
	return route{one: o.network.server(o.option.InitAddress[0])}, nil
}

// askSlots asks the first server of the cluster that answers.
func (o *Online) askSlots(ctx context.Context, c rueidis.Client) (slots []*server, err error) {
	err = replyError("CLUSTERDOWN no server of the cluster is known")
	for addr, node := range c.Nodes() {
		var ranges []rueidis.RedisMessage
		if ranges, err = node.Do(ctx, node.B().ClusterSlots().Build()).ToArray(); err != nil {
			continue
		}
		slots = make([]*server, clusterSlots)
		servers := map[string]*server{}
		for _, r := range ranges {
			first, last, master, err := parseSlots(r, addr)
			if err != nil {
				return nil, err
			}
			if servers[master] == nil {
				servers[master] = o.network.server(master)
			}
			for slot := max(first, 0); slot <= min(last, clusterSlots-1); slot++ {
				slots[slot] = servers[master]
			}
		}
		o.network.keep(maps.Keys(servers))
		return slots, nil
	}
	return nil, err
}

// parseSlots reads a range of slots and the address of its master, which may
// leave out the host of the server that was asked.
func parseSlots(m rueidis.RedisMessage, asked string) (first, last int64, master string, err error) {
	parts, err := m.ToArray()
	if err != nil || len(parts) < 3 {
		return 0, 0, "", replyError("CLUSTER SLOTS has an answer that cannot be read")
	}
	if first, err = parts[0].AsInt64(); err != nil {
		return 0, 0, "", err
	}
	if last, err = parts[1].AsInt64(); err != nil {
		return 0, 0, "", err
	}
	node, err := parts[2].ToArray()
	if err != nil || len(node) < 2 {
		return 0, 0, "", replyError("CLUSTER SLOTS has an answer that cannot be read")
	}
	host, _ := node[0].ToString()
	port, err := node[1].AsInt64()
	return first, last, within(net.JoinHostPort(host, strconv.FormatInt(port, 10)), asked), err
}

// within completes an address without a host, or with an unknown one, by that
// of the server that named it.
func within(addr, server string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || host == "?") {
		host, _, _ = net.SplitHostPort(server)
		return net.JoinHostPort(host, port)
	}
	return addr
}

// of returns the server of a key. Where there is none, the slots have to be
// asked for again.
func (r route) of(key []byte) (*server, error) {
	if r.one != nil {
		return r.one, nil
	}
	if s := r.slots[slot(key)]; s != nil {
		return s, nil
	}
	return nil, replyError("CLUSTERDOWN no server has the slot of a key")
}

// slot is the slot of a key: the CRC16 of what it has between { and }, or of
// all of it.
func slot(key []byte) uint16 {
	if _, after, ok := bytes.Cut(key, []byte("{")); ok {
		if tag, _, ok := bytes.Cut(after, []byte("}")); ok && len(tag) > 0 {
			key = tag
		}
	}
	var crc uint16
	for _, b := range key {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^b]
	}
	return crc % clusterSlots
}

// crcTable is that of CRC16-XMODEM.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

// redirection reads MOVED and ASK: which server has the key, and whether it has
// to be asked for it in a special way, because the key is on its way there.
func redirection(err error, from string) (addr string, asking, ok bool) {
	server, is := err.(replyError)
	words := strings.Fields(string(server))
	if !is || len(words) < 3 || words[0] != "MOVED" && words[0] != "ASK" {
		return "", false, false
	}
	return within(words[2], from), words[0] == "ASK", true
}

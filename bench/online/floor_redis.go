package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/redis/rueidis"
)

// redisFloor reads Feast's layout: one hash for each user, one HMGET for each
// key, or HGETALL where most of the hash is asked for, all in one pipeline. Its
// argument is the address.
func redisFloor(args []string) (lookup, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: args, DisableCache: true, AlwaysRESP2: true})
	if err != nil {
		return nil, err
	}
	fields := map[string][]string{}
	for service, views := range services {
		for _, view := range views {
			fields[service] = append(fields[service], "_ts:"+view)
			for i := range width[view[0]] {
				name := binary.LittleEndian.AppendUint32(nil, murmur3(fmt.Sprintf("%s:%s_%d", view, view, i)))
				fields[service] = append(fields[service], string(name))
			}
		}
	}
	return func(ctx context.Context, service string, keys [][]byte) (found int, err error) {
		commands := make(rueidis.Commands, len(keys))
		for i, key := range keys {
			name := string(append(key, "bench"...))
			if len(fields[service]) > 100 {
				commands[i] = client.B().Hgetall().Key(name).Build()
			} else {
				commands[i] = client.B().Hmget().Key(name).Field(fields[service]...).Build()
			}
		}
		for _, answer := range client.DoMulti(ctx, commands...) {
			values, err := answer.ToArray()
			if err != nil {
				return 0, err
			}
			for i := range values {
				if values[i].IsString() {
					found++
				}
			}
		}
		return found, nil
	}, nil
}

// murmur3 is MurmurHash3_x86_32 with the seed 0, by which Feast names fields.
func murmur3(text string) uint32 {
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593 }
	h, rest := uint32(0), []byte(text)
	for ; len(rest) >= 4; rest = rest[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(rest)), 13)*5 + 0xe6546b64
	}
	if len(rest) > 0 {
		h ^= mix(binary.LittleEndian.Uint32(append(rest, 0, 0, 0)[:4]))
	}
	h ^= uint32(len(text))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

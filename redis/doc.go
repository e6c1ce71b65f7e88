// Package redis keeps online features in Redis, in Feast's own layout byte for
// byte: what Feast wrote is served, and Feast reads what is written here. It
// works on one server, on Redis Cluster, and behind Sentinel.
//
// The key of a hash is an entity key ([entitykey]) with the project's name
// behind it, so all views of an entity share one hash. Its fields are
//
//	_ts:VIEW                              google.protobuf.Timestamp: the event time
//	murmur3_32("VIEW:FEATURE"), 4 bytes   feast.types.Value; empty for a null, which for a UnixTimestamp is the least number
//
// There is no place for a created time. At an equal event time the last write
// wins; within one call created decides, as anywhere.
//
// Reads share a few connections of their own ([Online.Read]): the commands of
// readers who come at the same time go out together, and values are copied from
// what was received into the readings, so that what a read allocates does not
// grow with its keys. Everything else goes through rueidis, which also knows
// who is the master and which servers a cluster has.
//
// Beside the hashes there is one key of our own for each project,
// asof:online:PROJECT: which views Update has seen, with which join keys and
// types. Feast neither reads nor touches it.
package redis

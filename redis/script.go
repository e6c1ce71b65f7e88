package redis

import (
	"crypto/sha1"
	"encoding/hex"
)

// script is a Lua script: Redis runs it without anything in between.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// putScript writes the rows of the hashes KEYS and returns how many it wrote.
// ARGV: 1 to replace newer rows too, else 0; the ttl of the keys in seconds, or
// 0; the number of fields; then for each key its fields and values, the event
// time first. Times are compared as numbers: an equal one is replaced, and one
// that cannot be read is older than all. A double holds a whole number of 53
// bits exactly, which is enough for the seconds of 10,000 years; those before
// 1970 have ten bytes, of which the low 53 bits are taken.
var putScript = newScript(`
local byte, call, unpack = string.byte, redis.call, unpack
local function varint(s, at)
  local v, unit, low = 0, 1, at + 7
  while true do
    local b = byte(s, at)
    if not b then return nil end
    if at == low then b = b >= 128 and 128 + b % 16 or b % 16 end
    if at <= low then v = v + (b % 128) * unit end
    if byte(s, at) < 128 then break end
    unit, at = unit * 128, at + 1
  end
  if at > low then v = v - 9007199254740992 end
  return v, at + 1
end
local function read(s)
  local seconds, nanos, at, tag = 0, 0, 1
  while at <= #s do
    tag = byte(s, at)
    local v, after = varint(s, at + 1)
    if not v then return nil end
    if tag == 8 then seconds = v elseif tag == 16 then nanos = v else return nil end
    at = after
  end
  return seconds, nanos
end
local function newer(old, new)
  local os, on = read(old)
  if not os then return false end
  local ns, nn = read(new)
  return os > ns or os == ns and on > nn
end
local force, ttl, width = ARGV[1] == '1', tonumber(ARGV[2]), 2 * tonumber(ARGV[3])
local written, at = 0, 4
for i = 1, #KEYS do
  local key, new = KEYS[i], ARGV[at + 1]
  local old = not force and call('HGET', key, ARGV[at])
  if not old or old == new or not newer(old, new) then
    for from = at, at + width - 1, 4000 do
      call('HSET', key, unpack(ARGV, from, math.min(from + 3999, at + width - 1)))
    end
    if ttl > 0 then call('EXPIRE', key, ttl) end
    written = written + 1
  end
  at = at + width
end
return written
`)

// removeScript removes a view's row from the hash KEYS[1]: its fields ARGV, of
// which the first is that of its event time. A hash in which no view has a row
// any more goes, with whatever fields were left of views as they once were.
var removeScript = newScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
for from = 1, #ARGV, 4000 do
  redis.call('HDEL', KEYS[1], unpack(ARGV, from, math.min(from + 3999, #ARGV)))
end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 4) == '_ts:' then return 1 end
end
redis.call('DEL', KEYS[1])
return 1
`)

// recordScript changes the record of a project, where its revision is still
// ARGV[1], to the revision ARGV[2]. ARGV goes on with views and their texts, of
// which an empty one removes the view. It returns whether it did.
var recordScript = newScript(`
if (redis.call('HGET', KEYS[1], '') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '', ARGV[2])
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i]) else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
return 1
`)

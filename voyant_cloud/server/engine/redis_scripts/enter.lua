-- Makes a client present on behalf of a connection, or changes its data: the last writer wins.
-- KEYS: members, holds, counts, ends, changes.
-- ARGV: channel, its pub/sub channel, client, connection, time now ('' for that of Redis), milliseconds that the
--   connection counts, digest of the data, the data as JSON, 'keep' to leave the data of a member as it is.
local client, connection, at, digest, data = ARGV[3], ARGV[4], whole(ms_of(ARGV[5])), ARGV[7], ARGV[8]
add(KEYS[2], KEYS[3], connection, client, redis_ms() + tonumber(ARGV[6]))
if redis.call('ZREM', KEYS[2], ' ' .. client) == 1 then redis.call('HINCRBY', KEYS[3], client, -1) end
note_soonest(KEYS[4], KEYS[2], ARGV[1])

local joined, known = unpack_member(redis.call('HGET', KEYS[1], client) or '')
if not joined then
  redis.call('HSET', KEYS[1], client, pack_member(at, digest, data))
  tell(ARGV[2], 'enter', at, client, data)
elseif known ~= digest and ARGV[9] ~= 'keep' then
  redis.call('HSET', KEYS[1], client, pack_member(joined, digest, data))
  tell(ARGV[2], 'update', at, client, data)
end
return 1

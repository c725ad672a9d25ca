-- Lets go of what has ended on a channel: held clients, and the connections of nodes that are gone.
-- KEYS: members, holds, counts, ends, changes. ARGV: channel, its pub/sub channel, time now ('' for that of Redis).
if is_damaged(KEYS[1], 'hash') or is_damaged(KEYS[2], 'zset') or is_damaged(KEYS[3], 'hash') then
  redis.call('ZREM', KEYS[4], ARGV[1])
  return 0
end
local at = whole(ms_of(ARGV[3]))
for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', redis_ms(), 'LIMIT', 0, 1000)) do
  remove(KEYS[1], KEYS[2], KEYS[3], ARGV[2], hold, at)
end
note_soonest(KEYS[4], KEYS[2], ARGV[1])
return 1

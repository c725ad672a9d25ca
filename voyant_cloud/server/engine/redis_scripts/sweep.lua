-- Lets go of what has ended on a channel: held clients, and the connections of nodes that are gone.
-- KEYS: members, holds, counts, ends, changes. ARGV: channel, its pub/sub channel, time now.
if is_damaged(KEYS[1], 'hash') or is_damaged(KEYS[2], 'zset') or is_damaged(KEYS[3], 'hash') then
  redis.call('ZREM', KEYS[4], ARGV[1])
  return 0
end
for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms(), 'LIMIT', 0, 1000)) do
  remove(KEYS[1], KEYS[2], KEYS[3], ARGV[2], hold, ARGV[3])
end
note_soonest(KEYS[4], KEYS[2], ARGV[1])
return 1

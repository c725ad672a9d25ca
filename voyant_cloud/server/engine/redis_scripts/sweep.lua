-- Lets go of what has ended on a channel: held clients, and the connections of nodes that are gone.
-- KEYS: members, holds, counts, ends. ARGV: channel, its pub/sub channel, time now.
for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms(), 'LIMIT', 0, 1000)) do
  remove(KEYS[1], KEYS[2], KEYS[3], ARGV[2], hold, ARGV[3])
end
note_soonest(KEYS[4], KEYS[2], ARGV[1])
return 1

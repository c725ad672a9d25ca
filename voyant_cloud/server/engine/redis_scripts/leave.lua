-- Ends a connection's part in a client's presence; where it was the last, the client is held for a while.
-- KEYS: members, holds, counts, ends, changes.
-- ARGV: channel, its pub/sub channel, client, connection, time now ('' for that of Redis), milliseconds that the client
--   is held.
local client, hold, grace = ARGV[3], ARGV[4] .. ' ' .. ARGV[3], tonumber(ARGV[6])
local holding = redis.call('ZSCORE', KEYS[2], hold)
if holding and grace > 0 and tonumber(redis.call('HGET', KEYS[3], client)) == 1 then
  add(KEYS[2], KEYS[3], '', client, redis_ms() + grace)
end
if holding then
  remove(KEYS[1], KEYS[2], KEYS[3], ARGV[2], hold, whole(ms_of(ARGV[5])))
  note_soonest(KEYS[4], KEYS[2], ARGV[1])
end
return 1

-- Lets connections of a channel count on. KEYS: holds, ends. ARGV: channel, milliseconds, then connection and client of
--   each. Answers the numbers of those that are not known any more, from 1.
if is_damaged(KEYS[1], 'zset') then return {} end
local ends, gone = redis_ms() + tonumber(ARGV[2]), {}
for i = 3, #ARGV, 2 do
  local hold = ARGV[i] .. ' ' .. ARGV[i + 1]
  if redis.call('ZSCORE', KEYS[1], hold) then
    redis.call('ZADD', KEYS[1], ends, hold)
  else
    table.insert(gone, (i - 1) / 2)
  end
end
note_soonest(KEYS[2], KEYS[1], ARGV[1])
return gone

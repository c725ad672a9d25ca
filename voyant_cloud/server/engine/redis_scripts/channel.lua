-- What scripts about one channel share. It stands in front of each of them.
-- A channel's place is a hash of epoch, ms and seq. Its messages are a stream with ids 0-<seq>, so that a position is
-- found without its time, each with the fields m (its ms) and v (event and data, packed).

local function forget_unused(names, used, unused, places, now)
  -- Two for each that begins, so that they go as fast as they come.
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', unused, '-inf', whole(now), 'LIMIT', 0, 2)) do
    if redis.call('EXISTS', places .. name) == 0 then
      redis.call('ZREM', names, name)
      redis.call('ZREM', used, name)
      redis.call('ZREM', unused, name)
    end
  end
end

local function find(place)
  local found = redis.call('HMGET', place, 'epoch', 'ms', 'seq')
  return found[1] and {epoch = found[1], ms = tonumber(found[2]), seq = tonumber(found[3])}
end

local function begin(place, stream, names, used, unused, channel, epoch, now, keep_unused)
  -- This first: a Redis that is full refuses what adds something, unless the script has taken something away before.
  redis.call('HSET', place, 'epoch', epoch, 'ms', whole(now), 'seq', '0')
  -- Messages without a place are of a history that was lost in part, and their numbers are given anew.
  redis.call('DEL', stream)
  redis.call('PEXPIRE', place, keep_unused)
  redis.call('ZADD', names, 0, channel)
  redis.call('ZADD', used, now, channel)
  redis.call('ZADD', unused, now + tonumber(keep_unused), channel)
  forget_unused(names, used, unused, string.sub(place, 1, #place - #channel), now)
  return {epoch = epoch, ms = now, seq = 0}
end

local function first_retained(stream, oldest)
  -- Drops what is past its time, so that each message is looked at once. One at first, since mostly it is in time, and
  -- a hundred would be most of what an append costs.
  local count = 1
  while true do
    local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', count)
    if #entries == 0 then return nil end
    for _, entry in ipairs(entries) do
      if tonumber(entry[2][2]) >= oldest then
        if entry[1] ~= entries[1][1] then redis.call('XTRIM', stream, 'MINID', entry[1]) end
        return tonumber(string.sub(entry[1], 3))
      end
    end
    local last = tonumber(string.sub(entries[#entries][1], 3))
    redis.call('XTRIM', stream, 'MINID', '0-' .. whole(last + 1))
    count = 100
  end
end

-- What scripts about presence share. It stands in front of each of them.
-- Members are a hash of client -> "<joined ms> <digest of the data> <data>". Their connections are a sorted set of
-- "<connection> <client>" by when each ends unless it is refreshed; an empty connection holds a client that dropped.
-- Counts are a hash of client -> how many of these it has. Ends is one sorted set of channels by their soonest end.
-- Changes, KEYS[5] in each that tells of one, is the number of the newest: by it a node sees what a list knows of.

local function pack_member(at, digest, data)
  return at .. ' ' .. digest .. ' ' .. data
end

local function unpack_member(kept)
  return string.match(kept, '^(%d+) (%x+) (.*)$')
end

local function tell(feed, action, at, client, data)
  -- Never less than the time, so that a counter that was lost does not fall behind what nodes have seen.
  local number = whole(math.max((tonumber(of_kind('GET', KEYS[5])) or 0) + 1, redis_us()))
  redis.call('SET', KEYS[5], number)
  redis.call('PUBLISH', feed, 'p' .. action .. ' ' .. at .. ' ' .. number .. ' ' .. #client .. ':' .. client .. data)
end

local function client_of(hold)
  return string.sub(hold, string.find(hold, ' ', 1, true) + 1)
end

local function add(holds, counts, connection, client, ends)
  if redis.call('ZADD', holds, ends, connection .. ' ' .. client) == 1 then
    redis.call('HINCRBY', counts, client, 1)
  end
end

local function remove(members, holds, counts, feed, hold, at)
  -- Returns whether the client has nothing left, in which case it has left.
  if redis.call('ZREM', holds, hold) == 0 then return false end
  local client = client_of(hold)
  if redis.call('HINCRBY', counts, client, -1) > 0 then return false end
  redis.call('HDEL', counts, client)
  local kept = redis.call('HGET', members, client)
  if kept then
    redis.call('HDEL', members, client)
    local _, _, data = unpack_member(kept)
    if data then tell(feed, 'leave', at, client, data) end
  end
  return true
end

local function note_soonest(ends, holds, channel)
  local soonest = redis.call('ZRANGE', holds, 0, 0, 'WITHSCORES')
  if soonest[2] then redis.call('ZADD', ends, soonest[2], channel) else redis.call('ZREM', ends, channel) end
end

local function is_damaged(key, kind)
  -- What somebody else wrote there must not keep a node from all its other channels.
  local found = redis.call('TYPE', key).ok
  return found ~= kind and found ~= 'none'
end

-- Commits a group of requests: each of them whole or not at all, in one step with its idempotency record, its place
-- in every channel, what retention pushes out, and the word to those who follow.
-- KEYS: this node's record, names, used, unused, then place and stream of each channel, then the record of each
--   idempotency key.
-- ARGV: group number, milliseconds that its record is kept, time now ('' for that of Redis), messages kept a channel,
--   milliseconds that a message is kept, milliseconds that an unused stream is kept (0 for ever), milliseconds that an
--   answer is kept, milliseconds that a channel without a message keeps its place, prefix of pub/sub channels, how many
--   channels, then name and new epoch of each, then the requests: how many messages, number of the idempotency key (0
--   for none), digest, then for each message its channel's number and its text.
-- A group that is sent again, since its answer was lost, gets the same answer; one that comes late is refused.
local now, keep_stream, keep_answer = ms_of(ARGV[3]), tonumber(ARGV[6]), tonumber(ARGV[7])
local oldest = now - tonumber(ARGV[5])
local number = tonumber(ARGV[1])

local record = redis.call('GET', KEYS[1])
if record then
  local known = cmsgpack.unpack(record)
  if known[1] == number then return known[2] end
  if known[1] > number then return redis.error_reply('LATE a group came after one that followed it') end
end

-- A key of another type ends the script here, where nothing is written yet: what a script has written stays.
local found = {}
for i = 2, 4 do redis.call('ZCARD', KEYS[i]) end
for i = 1, tonumber(ARGV[10]) do
  found[i] = find(KEYS[3 + 2 * i])
  redis.call('XLEN', KEYS[4 + 2 * i])
end

local channels, at = {}, 11
for i = 1, tonumber(ARGV[10]) do
  local place, stream = KEYS[3 + 2 * i], KEYS[4 + 2 * i]
  local channel = found[i] or begin(place, stream, KEYS[2], KEYS[3], KEYS[4], ARGV[at], ARGV[at + 1], now, ARGV[8])
  channel.place, channel.stream, channel.name, channel.fresh = place, stream, ARGV[at], {}
  channel.first, channel.now = channel.seq + 1, math.max(channel.ms, now)
  channels[i], at = channel, at + 2
end
local first_key = 4 + 2 * #channels

local function earlier(key, digest)
  local kept = redis.call('GET', key)
  if not kept then return nil end
  local answer = cmsgpack.unpack(kept)
  if answer[2] <= now then return nil end
  return answer[1] == digest and answer[3] or 'conflict'
end

local function place(channel, text)
  channel.seq = channel.seq + 1
  redis.call('XADD', channel.stream, '0-' .. whole(channel.seq), 'm', whole(channel.now), 'v', text)
  table.insert(channel.fresh, text)
  return channel.epoch .. ':' .. whole(channel.now) .. ':' .. whole(channel.seq)
end

local answers = {}
while at <= #ARGV do
  local count, key, digest = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
  local answer = key > 0 and earlier(KEYS[first_key + key], digest) or nil
  if not answer then
    local ids = {}
    for i = 1, count do
      ids[i] = place(channels[tonumber(ARGV[at + 1 + 2 * i])], ARGV[at + 2 + 2 * i])
    end
    answer = table.concat(ids, ',')
    if key > 0 then
      redis.call('SET', KEYS[first_key + key], cmsgpack.pack({digest, now + keep_answer, answer}), 'PX', keep_answer)
    end
  end
  table.insert(answers, answer)
  at = at + 3 + 2 * count
end

for _, channel in ipairs(channels) do
  if #channel.fresh > 0 then
    if channel.first == 1 then
      redis.call('PERSIST', channel.place)
      redis.call('ZREM', KEYS[4], channel.name)
    end
    redis.call('HSET', channel.place, 'ms', whole(channel.now), 'seq', whole(channel.seq))
    redis.call('ZADD', KEYS[3], channel.now, channel.name)
    redis.call('XTRIM', channel.stream, 'MAXLEN', ARGV[4])
    first_retained(channel.stream, oldest)
    if keep_stream > 0 then redis.call('PEXPIRE', channel.stream, keep_stream) end
    local parts = {'m' .. channel.epoch .. ' ' .. whole(channel.now) .. ' ' .. whole(channel.first) .. ' '}
    for _, text in ipairs(channel.fresh) do
      table.insert(parts, #text .. ':')
      table.insert(parts, text)
    end
    redis.call('PUBLISH', ARGV[9] .. channel.name, table.concat(parts))
  end
end
redis.call('SET', KEYS[1], cmsgpack.pack({number, answers}), 'PX', ARGV[2])
return answers

-- Reads a channel's messages and where it stands, at one moment; a channel that was never used begins here.
-- KEYS: place, stream, names, used, unused.
-- ARGV: channel, its epoch should it begin, time now ('' for that of Redis), milliseconds that a message is kept,
--   'newest' or 'after', the seq to begin after, how many messages, how many bytes of them about, milliseconds that a
--   channel without a message keeps its place.
-- Answers epoch, ms, seq, seq of the oldest message retained, seq of the first given, then ms and text of each.
local now = ms_of(ARGV[3])
local channel = find(KEYS[1])
  or begin(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], ARGV[1], ARGV[2], now, ARGV[9])
local first = first_retained(KEYS[2], now - tonumber(ARGV[4])) or channel.seq + 1
local limit, bytes = tonumber(ARGV[7]), tonumber(ARGV[8])
local start = ARGV[5] == 'newest' and channel.seq - limit + 1 or tonumber(ARGV[6]) + 1
start = math.max(start, first)

local answer = {channel.epoch, whole(channel.ms), whole(channel.seq), whole(first), whole(start)}
local next = start
while limit > 0 and bytes > 0 do
  local entries = redis.call('XRANGE', KEYS[2], '0-' .. whole(next), '+', 'COUNT', math.min(limit, 50))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    -- A hole is where messages were lost: what follows it is read by whoever sees it.
    if entry[1] ~= '0-' .. whole(next) or bytes <= 0 then limit = 0; break end
    table.insert(answer, entry[2][2])
    table.insert(answer, entry[2][4])
    next, limit, bytes = next + 1, limit - 1, bytes - #entry[2][4]
  end
end
return answer

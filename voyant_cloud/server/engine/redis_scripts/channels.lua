-- Lists channels by prefix, the most recently used first, each with where it stands.
-- KEYS: names, used. ARGV: prefix of the places' keys, prefix of names, how many at most.
-- A rare prefix is looked up by name and then sorted; a common one is met soon among those used lately.
local prefix, limit = ARGV[2], tonumber(ARGV[3])
local last = '[' .. prefix .. string.rep('\255', 4)
local found = {}

if prefix ~= '' and redis.call('ZLEXCOUNT', KEYS[1], '[' .. prefix, last) <= 1000 then
  local names = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. prefix, last)
  for i, name in ipairs(names) do
    found[i] = {name, tonumber(redis.call('ZSCORE', KEYS[2], name) or 0)}
  end
  table.sort(found, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] > b[1]) end)
else
  local from = 0
  while #found < limit do
    local names = redis.call('ZREVRANGE', KEYS[2], from, from + 999)
    if #names == 0 then break end
    for _, name in ipairs(names) do
      if string.sub(name, 1, #prefix) == prefix then table.insert(found, {name}) end
    end
    from = from + 1000
  end
end

local answer = {}
for i = 1, math.min(limit, #found) do
  local name = found[i][1]
  local place = redis.call('HMGET', ARGV[1] .. name, 'epoch', 'ms', 'seq')
  if place[1] then table.insert(answer, {name, place[1], place[2], place[3]}) end
end
return answer

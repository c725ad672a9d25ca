-- What scripts share that go by the time. It stands in front of each of them.

local function whole(number)
  -- Lua would write 1e+14 and lose digits.
  return string.format('%.0f', number)
end

local function redis_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function redis_ms()
  return math.floor(redis_us() / 1000)
end

local function ms_of(given)
  -- One clock for all nodes: one of theirs that is wrong would end what the others keep, early or late.
  return given == '' and redis_ms() or tonumber(given)
end

-- Lists the members of several channels at one moment.
-- KEYS: the generation of what Redis has, the number of the newest change, members of each channel.
-- ARGV: time now ('' for that of Redis), how many members are enough: the channels behind them are left out.
-- Answers the generation, the number and the time, then of each channel its members, client and what is kept of it. One
-- that is of another kind counts as nobody.
local answer = {redis.call('GET', KEYS[1]), of_kind('GET', KEYS[2]) or '0', whole(ms_of(ARGV[1]))}
local found, enough = 0, tonumber(ARGV[2])
for i = 3, #KEYS do
  local members = of_kind('HGETALL', KEYS[i]) or {}
  answer[i + 1] = members
  found = found + #members / 2
  if found >= enough then break end
end
return answer

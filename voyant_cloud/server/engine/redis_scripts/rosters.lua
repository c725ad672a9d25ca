-- Lists the members of several channels at one moment. KEYS: the number of the newest change, members of each channel.
-- ARGV: time now ('' for that of Redis), how many members are enough: the channels behind them are left out.
-- Answers the number and the time, then of each channel client, joined ms and data of each member. What is of another kind counts as
-- nobody: it must not keep the members of the other channels from being told.
local answer, found = {tonumber(redis.pcall('GET', KEYS[1])) or 0, ms_of(ARGV[1])}, 0
for i = 2, #KEYS do
  local all, members = redis.pcall('HGETALL', KEYS[i]), {}
  for at = 1, #all, 2 do
    local readable, member = pcall(cmsgpack.unpack, all[at + 1])
    if readable and type(member) == 'table' and member[3] then
      table.insert(members, all[at])
      table.insert(members, member[1])
      table.insert(members, member[3])
    end
  end
  answer[i + 1] = members
  found = found + #all / 2
  if found >= tonumber(ARGV[2]) then break end
end
return answer

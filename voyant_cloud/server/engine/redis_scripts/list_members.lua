-- Lists members with their data. KEYS: members. Answers client, joined ms and data of each.
local all, answer = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local member = cmsgpack.unpack(all[i + 1])
  table.insert(answer, {all[i], member[1], member[3]})
end
return answer

-- What scripts share that look at many keys. It stands in front of each of them.

local function of_kind(...)
  -- Does a command; nil where the key is of another kind: what somebody else wrote there must not keep a node from all
  -- its other channels. Any other refusal is one: it says nothing of what is there.
  local found = redis.pcall(...)
  if type(found) == 'table' and found.err then
    if string.find(found.err, 'WRONGTYPE', 1, true) then return nil end
    error(found.err)
  end
  return found
end

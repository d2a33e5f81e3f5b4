-- KEYS: keys. ARGV: now; what to do with those that are ours: '' nothing, 'rights' and 'rest' remove the rights to fill,
-- or all but those. Answers of each whether an entry or a state of ours was living there.
local now, what = ARGV[1], ARGV[2]
local found = {}
for i, key in ipairs(KEYS) do
  local ours = ends_of(key)
  found[i] = 0
  if ours then
    if is_there(ours, now) then found[i] = 1 end
    local is_right = mark(ours) == 0xDD
    if (what == 'rights' and is_right) or (what == 'rest' and not is_right) then redis.call('UNLINK', key) end
  end
end
return found

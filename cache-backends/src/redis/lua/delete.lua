-- KEYS: of each key itself and the right to fill it. ARGV: now. Answers how many were there.
-- What another program keeps in a type of its own stays: no entry of ours is there.
local deleted = 0
for i = 1, #KEYS, 2 do
  redis.call('DEL', KEYS[i + 1])
  if redis.call('TYPE', KEYS[i]).ok == 'string' then
    local ours = ends_of(KEYS[i])
    if not ours or is_there(ours, ARGV[1]) then deleted = deleted + 1 end
    redis.call('UNLINK', KEYS[i])
  end
end
return deleted

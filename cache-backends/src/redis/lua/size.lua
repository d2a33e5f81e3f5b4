-- KEYS: a key. ARGV: now. Answers the bytes that it takes, or nothing if no entry lives there.
local present = read(KEYS[1])
if not present or not is_entry(present, ARGV[1]) then return false end
return redis.call('MEMORY', 'USAGE', KEYS[1])

-- KEYS: a key, the right to fill it. ARGV: now; what was seen there, without its end; the next record; until when the
-- server keeps it; whether rights end. Answers whether it was replaced.
local present = read(KEYS[1])
if not present or not is_entry(present, ARGV[1]) then return 0 end
local m = mark(present)
local seen = present
if m == 0xDA or m == 0xDB then seen = string.sub(present, 1, -9) end
if seen ~= ARGV[2] then return 0 end
write(KEYS[1], ARGV[3], ARGV[4])
if ARGV[5] == '1' then redis.call('DEL', KEYS[2]) end
return 1

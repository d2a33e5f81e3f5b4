-- KEYS: a key. ARGV: now; the end of eight bytes; the same in milliseconds for the server, or ''.
-- Answers whether a living number was there.
local present = read(KEYS[1])
if not present or mark(present) ~= 0xDB or not is_entry(present, ARGV[1]) then return 0 end
write(KEYS[1], string.sub(present, 1, -9) .. ARGV[2], ARGV[3])
return 1

-- KEYS: a right to fill. ARGV: the nonce of the one who gives it back. One that was dropped is no concern of who took
-- the next.
local present = read(KEYS[1])
if not present or mark(present) ~= 0xDD or string.sub(present, 3, 10) ~= ARGV[1] then return 0 end
local holders = struct.unpack('<I4', string.sub(present, 11, 14))
if holders <= 1 then return redis.call('DEL', KEYS[1]) end
local record = '\202\221' .. ARGV[1] .. struct.pack('<I4', holders - 1) .. NEVER
redis.call('SET', KEYS[1], record, 'KEEPTTL')
return 1

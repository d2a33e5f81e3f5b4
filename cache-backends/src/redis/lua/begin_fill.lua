-- KEYS: a right to fill. ARGV: a nonce; how long a right is kept that nobody gives back, in milliseconds.
-- Answers the nonce that stands. A right is its mark, the nonce, and how many hold it.
local present = read(KEYS[1])
local nonce, holders = ARGV[1], 0
if present and mark(present) == 0xDD then
  nonce, holders = string.sub(present, 3, 10), struct.unpack('<I4', string.sub(present, 11, 14))
end
redis.call('SET', KEYS[1], '\202\221' .. nonce .. struct.pack('<I4', holders + 1) .. NEVER, 'PX', ARGV[2])
return nonce

-- KEYS: a key, the right to fill it. ARGV: now; how much; a nonce; the end that a number without one is given, of eight
-- bytes, and in milliseconds for the server ('' for both if it is given none).
-- Answers the sum in digits; 0 if what is there is no number, 1 if the sum is beyond 64 bits.
local key = KEYS[1]
local before, foreign = read(key)
if foreign then return redis.error_reply('WRONGTYPE the key is used by something else') end
local digits, ends, kept = '0', NEVER, ''
if before and is_entry(before, ARGV[1]) then
  if mark(before) ~= 0xDB then return 0 end
  digits, ends = string.sub(before, 11, -9), string.sub(before, -8)
end
local ttl = redis.call('PTTL', key)
if ends == NEVER then
  if ARGV[4] ~= '' then ends, kept = ARGV[4], ARGV[5] end
elseif ttl >= 0 then
  kept = nil
end
-- Numbers here hold 53 bits, and those of the server 64: it counts, in the place of the record.
redis.call('SET', key, digits, 'KEEPTTL')
local sum = redis.pcall('INCRBY', key, ARGV[2])
if type(sum) == 'table' and sum.err then
  if before then redis.call('SET', key, before, 'KEEPTTL') else redis.call('DEL', key) end
  return 1
end
digits = redis.call('GET', key)
local record = '\202\219' .. ARGV[3] .. digits .. ends
if kept == nil then
  redis.call('SET', key, record, 'KEEPTTL')
else
  write(key, record, kept)
end
redis.call('DEL', KEYS[2])
return digits

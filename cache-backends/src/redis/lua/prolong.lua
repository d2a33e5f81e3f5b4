-- KEYS: tags. ARGV: how much longer than asked for they are kept, in milliseconds; for each the generation that is meant,
-- and until when it is to be kept in milliseconds since 1970 ('' for ever).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, tag in ipairs(KEYS) do
  local nonce, wanted = ARGV[2 * i], ARGV[2 * i + 1]
  local present = read(tag)
  if present and mark(present) == 0xDE and string.sub(present, 3, 10) == nonce then
    local ttl = redis.call('PTTL', tag)
    if ttl >= 0 then
      if wanted == '' then
        redis.call('PERSIST', tag)
      elseif now + ttl < tonumber(wanted) then
        redis.call('PEXPIREAT', tag, string.format('%.0f', tonumber(wanted) + tonumber(ARGV[1])))
      end
    end
  end
end
return 1

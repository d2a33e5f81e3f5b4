-- KEYS: of each entry its key and the right to fill it.
-- ARGV: now; condition ('always', 'absent', 'present'); the nonce of the right to show or ''; whether rights of others
-- end ('1' or ''); then of each entry its record and until when the server keeps it.
-- Answers how many were stored.
local now, condition, nonce, ends = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local stored = 0
for i = 1, #KEYS / 2 do
  local key, right = KEYS[2 * i - 1], KEYS[2 * i]
  local record, until_ms = ARGV[2 * i + 3], ARGV[2 * i + 4]
  local wanted = true
  if condition == 'always' then
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'none' and kind ~= 'string' then
      return redis.error_reply('WRONGTYPE the key is used by something else')
    end
  else
    local present, foreign = read(key)
    if foreign then return redis.error_reply('WRONGTYPE the key is used by something else') end
    wanted = is_entry(present, now) == (condition == 'present')
  end
  if wanted and nonce ~= '' then
    local standing = read(right)
    wanted = standing and mark(standing) == 0xDD and string.sub(standing, 3, 10) == nonce
  end
  if wanted then
    write(key, record, until_ms)
    if ends then redis.call('DEL', right) end
    stored = stored + 1
  end
end
return stored

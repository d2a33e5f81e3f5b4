-- Records are: a mark of two bytes, what they hold, and in the last eight bytes when they expire
-- (nanoseconds since 1970, little endian, all ones for never).

local NEVER = string.rep('\255', 8)

-- What lies under a name, if it is a text; of another type is what another program keeps.
local function read(name)
  local kind = redis.call('TYPE', name).ok
  if kind == 'none' then return nil, false end
  if kind ~= 'string' then return nil, true end
  return redis.call('GET', name), false
end

-- Which of our records it is: the second byte of the mark, or nil.
local function mark(record)
  if not record or #record < 10 or string.byte(record, 1) ~= 0xCA then return nil end
  local kind = string.byte(record, 2)
  if kind >= 0xDA and kind <= 0xDE then return kind end
end

-- Whether a time of eight bytes has come at another. Halves, since a number here holds 53 bits only.
local function has_come(time, now)
  local low, high = struct.unpack('<I4I4', time)
  local now_low, now_high = struct.unpack('<I4I4', now)
  return high < now_high or (high == now_high and low <= now_low)
end

-- Whether it is an entry that lives. What has none of our marks has no end that we could read.
local function is_entry(record, now)
  if not record then return false end
  local m = mark(record)
  if m == nil then return true end
  return (m == 0xDA or m == 0xDB) and not has_come(string.sub(record, -8), now)
end

-- Whether it is an entry or a state that lives.
local function is_there(record, now)
  if mark(record) == 0xDC then return not has_come(string.sub(record, -8), now) end
  return is_entry(record, now)
end

-- The beginning and the end of what lies under a name, which tell as much as the whole; nil if that is no text of ours.
local function ends_of(name)
  if redis.call('TYPE', name).ok ~= 'string' or redis.call('STRLEN', name) < 10 then return nil end
  local ends = redis.call('GETRANGE', name, 0, 1) .. redis.call('GETRANGE', name, -8, -1)
  if mark(ends) then return ends end
end

-- Writes a record until a time of the server in milliseconds; '' is for ever.
local function write(name, record, until_ms)
  if until_ms == '' then
    redis.call('SET', name, record)
  else
    redis.call('SET', name, record, 'PXAT', until_ms)
  end
end


//! Numbers that the server counts.

use cache_core::{Error, Increment, Key, Result, Time};
use redis::Value;

use super::store::{Store, bytes, millis};
use super::{fault, names, record, scripts};

impl Store {
    pub(super) async fn increment(&self, key: &Key, step: Increment) -> Result<i64> {
        let moment = self.moment().await?;
        let end = step.ttl.map(|_| moment.wall_of(step.times(None, moment.time).expires));
        let keys = vec![bytes(key).to_vec(), names::fill(bytes(key))];
        let args = vec![
            moment.wall.to_le_bytes().to_vec(),
            step.by.to_string().into_bytes(),
            record::fresh_nonce().to_le_bytes().to_vec(),
            end.map(|end| end.to_le_bytes().to_vec()).unwrap_or_default(),
            end.map(millis).unwrap_or_default(),
        ];
        match self.run("incr", &scripts::COUNT, &keys, &args).await? {
            Value::BulkString(digits) => std::str::from_utf8(&digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| Error::backend("the sum of a counter is no number")),
            Value::Int(1) => Err(Error::backend(format_args!("{} more is beyond 64 bits", step.by))),
            Value::Int(_) => Err(Error::NotANumber),
            other => Err(fault::unexpected("a count", &other)),
        }
    }

    pub(super) async fn expire(&self, key: &Key, expires: Time) -> Result<bool> {
        let moment = self.moment().await?;
        let expires = moment.wall_of(expires);
        let args = vec![moment.wall.to_le_bytes().to_vec(), expires.to_le_bytes().to_vec(), millis(expires)];
        let moved = self.run_number("expire", &scripts::EXPIRE, vec![bytes(key).to_vec()], args).await?;
        Ok(moved == 1)
    }
}

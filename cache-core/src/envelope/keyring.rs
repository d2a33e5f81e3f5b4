//! Secrets, and what they sign.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::error::{Error, Result};

/// What a signature is made with: HMAC over this digest, never shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    /// HMAC-SHA256, 32 bytes.
    #[default]
    Sha256,
    /// HMAC-SHA1, 20 bytes. Slower and weaker; for those who must.
    Sha1,
}

impl Digest {
    /// Its two bits in the flags.
    pub(super) const fn id(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha1 => 2,
        }
    }

    /// How long a signature is.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha1 => 20,
        }
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha1" => Ok(Self::Sha1),
            _ => Err(Error::config(format!("`{name}` is no digest for signatures: `sha256` or `sha1`"))),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        })
    }
}

/// The shortest secret that is taken: what fits into a URL by hand. See [`Keyring::new`] for what is better.
pub const MIN_SECRET: usize = 6;

/// What is signed begins with what it is, so that the one cannot be taken for the other. Equally long: neither is
/// the beginning of the other.
pub(super) const ENTRY: &[u8; 16] = b"macadamia entry\0";
pub(super) const STATE: &[u8; 16] = b"macadamia state\0";

/// The secrets of a route. The first signs, all verify, so that secrets can be changed while programs run.
///
/// What is kept are the states of HMAC after each secret went in; they are overwritten when the last clone is
/// dropped, and `Debug` does not show them.
///
/// ```
/// use cache_core::envelope::{Digest, Keyring};
///
/// let keys = Keyring::new(Digest::Sha256, ["the new secret", "the old secret"])?;
/// assert_eq!(format!("{keys:?}"), "Keyring { digest: Sha256, secrets: 2 }");
/// # Ok::<_, cache_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Keyring(Arc<Keys>);

/// Copied for each signature: a third of the time that keying anew takes.
enum Keys {
    Sha256(Vec<Hmac<Sha256>>),
    Sha1(Vec<Hmac<Sha1>>),
}

impl Keyring {
    /// These secrets, the one that signs first. Take 32 random bytes, as `openssl rand -hex 32` prints them: who
    /// sees one entry can try short secrets at leisure.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none, or one of fewer than [`MIN_SECRET`] bytes.
    pub fn new(digest: Digest, secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self> {
        Ok(Self(Arc::new(match digest {
            Digest::Sha256 => Keys::Sha256(keyed(secrets)?),
            Digest::Sha1 => Keys::Sha1(keyed(secrets)?),
        })))
    }

    /// What it signs with.
    pub fn digest(&self) -> Digest {
        match &*self.0 {
            Keys::Sha256(_) => Digest::Sha256,
            Keys::Sha1(_) => Digest::Sha1,
        }
    }

    /// How many secrets it has.
    fn secrets(&self) -> usize {
        match &*self.0 {
            Keys::Sha256(keys) => keys.len(),
            Keys::Sha1(keys) => keys.len(),
        }
    }

    /// Appends the signature of what `out` holds.
    pub(super) fn sign(&self, domain: &[u8; 16], key: &str, out: &mut Vec<u8>) {
        match &*self.0 {
            Keys::Sha256(keys) => sign(keys, domain, key, out),
            Keys::Sha1(keys) => sign(keys, domain, key, out),
        }
    }

    /// Whether one of the secrets made this signature; in the same time whichever bytes of it are wrong.
    pub(super) fn verifies(&self, domain: &[u8; 16], key: &str, body: &[u8], signature: &[u8]) -> bool {
        match &*self.0 {
            Keys::Sha256(keys) => verifies(keys, domain, key, body, signature),
            Keys::Sha1(keys) => verifies(keys, domain, key, body, signature),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("digest", &self.digest()).field("secrets", &self.secrets()).finish()
    }
}

fn keyed<M: Mac + KeyInit>(secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Vec<M>> {
    const BETTER: &str = "32 random bytes are best: `openssl rand -hex 32`";
    let mut keys = Vec::new();
    for secret in secrets {
        let secret = secret.as_ref();
        if secret.len() < MIN_SECRET {
            let len = secret.len();
            return Err(Error::config(format!(
                "a secret of {len} bytes can be guessed: it needs {MIN_SECRET} at least, and {BETTER}"
            )));
        }
        keys.push(<M as KeyInit>::new_from_slice(secret).map_err(|error| Error::config(error.to_string()))?);
    }
    if keys.is_empty() {
        return Err(Error::config(format!("signing needs a secret, and there is none; {BETTER}")));
    }
    Ok(keys)
}

/// HMAC of domain, key and body, each of them delimited.
fn fed<M: Mac + Clone>(keyed: &M, domain: &[u8; 16], key: &str, body: &[u8]) -> M {
    let mut mac = keyed.clone();
    mac.update(domain);
    mac.update(&(key.len() as u64).to_le_bytes());
    mac.update(key.as_bytes());
    mac.update(body);
    mac
}

fn sign<M: Mac + Clone>(keys: &[M], domain: &[u8; 16], key: &str, out: &mut Vec<u8>) {
    if let Some(first) = keys.first() {
        let signature = fed(first, domain, key, out).finalize().into_bytes();
        out.extend_from_slice(&signature);
    }
}

fn verifies<M: Mac + Clone>(keys: &[M], domain: &[u8; 16], key: &str, body: &[u8], signature: &[u8]) -> bool {
    keys.iter().any(|keyed| fed(keyed, domain, key, body).verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_without_a_secret_or_with_a_short_one_is_refused_and_says_what_to_do() {
        let none = Keyring::new(Digest::Sha256, [""; 0]).unwrap_err();
        let short = Keyring::new(Digest::Sha1, ["long enough", "hush!"]).unwrap_err();
        for error in [&none, &short] {
            assert!(error.is_config());
            assert!(error.to_string().contains("openssl rand -hex 32"), "{error}");
            assert!(!error.to_string().contains("hush!"), "{error}");
        }
        Keyring::new(Digest::Sha256, ["s3cret"]).unwrap();
    }

    #[test]
    fn a_digest_is_called_by_its_name_and_another_name_is_told_both() {
        for digest in [Digest::Sha256, Digest::Sha1] {
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
        for wrong in ["", "SHA256", "md5", "sum"] {
            let error = wrong.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains("`sha256` or `sha1`"), "{error}");
        }
    }

    #[test]
    fn signatures_are_those_that_other_programs_compute() {
        // Python: hmac.new(b"Jefe12", domain + len(key).to_bytes(8, "little") + key + body, "sha256").hexdigest()
        for (digest, expected) in [
            (Digest::Sha256, "d31f4bee8d094e0c312d9419819e561c3b9aa272b44eaee922c6ce525f7cab90"),
            (Digest::Sha1, "a9486d2865e2833cb4fa9ff550e193136d5a93fc"),
        ] {
            let mut out = b"body".to_vec();
            Keyring::new(digest, ["Jefe12"]).unwrap().sign(ENTRY, "key", &mut out);
            let signature = out.split_off(4);
            assert_eq!(signature.len(), digest.len());
            let hex = signature.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn a_signature_is_all_of_its_bytes() {
        for digest in [Digest::Sha256, Digest::Sha1] {
            let keys = Keyring::new(digest, ["the secret"]).unwrap();
            let mut out = Vec::new();
            keys.sign(ENTRY, "key", &mut out);
            assert!(keys.verifies(ENTRY, "key", b"", &out));
            for len in 0..out.len() {
                assert!(!keys.verifies(ENTRY, "key", b"", &out[..len]), "{digest}: {len} bytes");
            }
            out.push(0);
            assert!(!keys.verifies(ENTRY, "key", b"", &out), "{digest}: one more");
        }
    }

    #[test]
    fn states_of_a_digest_are_overwritten_when_they_are_dropped() {
        fn overwritten<T: zeroize::ZeroizeOnDrop>() {}
        overwritten::<Sha256>();
        overwritten::<Sha1>();
    }
}

//! `disk://`: a path and its options.

use std::path::PathBuf;
use std::sync::Arc;

use cache_core::{BackendUrl, Error, Result, Scheme};

use super::{Disk, DiskBuilder};

cache_core::submit_scheme!(Scheme::new(
    &["disk"],
    &["directory", "size_limit", "shards", "check_interval"],
    |url| Ok(Arc::new(settings(url)?.try_build()?))
));

fn settings(url: &BackendUrl) -> Result<DiskBuilder> {
    let mut builder = Disk::builder();
    if let Some(directory) = directory(url)? {
        builder = builder.directory(directory);
    }
    if let Some(limit) = url.option("size_limit") {
        builder = builder.size_limit(bytes(limit).ok_or_else(|| {
            Error::config(format!(
                "option `size_limit={limit}` of `disk`: expected bytes, or a size such as 512MB"
            ))
        })?);
    }
    if let Some(shards) = url.parsed("shards", "a number of files")? {
        builder = builder.shards(shards);
    }
    if let Some(interval) = url.duration("check_interval")? {
        builder = builder.check_interval(interval);
    }
    Ok(builder)
}

/// `disk:///an/absolute/path`, `disk://a/relative/one`, `disk://?directory=any`; none for `disk://`.
fn directory(url: &BackendUrl) -> Result<Option<PathBuf>> {
    if url.user().or(url.password()).is_some() || url.port().is_some() {
        return Err(Error::config(
            "`disk://` is followed by a path, not by a server: write `@` and `:` in it as %40 and %3A",
        ));
    }
    let written = match (url.host(), url.path()) {
        ("", "") => None,
        ("", path) => Some(PathBuf::from(format!("/{path}"))),
        (host, "") => Some(PathBuf::from(host)),
        (host, path) => Some(PathBuf::from(format!("{host}/{path}"))),
    };
    match (written, url.option("directory")) {
        (Some(_), Some(_)) => {
            Err(Error::config("`disk://` names a directory twice: as its path and as `directory`"))
        }
        (written, option) => Ok(written.or_else(|| option.map(PathBuf::from))),
    }
}

/// A number of bytes: `1000`, `512MB` (decimal), `512MiB` (binary); in any case of letters.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: u64 = number.replace('_', "").parse().ok()?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(url: &str) -> Result<DiskBuilder> {
        settings(&BackendUrl::parse(url)?)
    }

    #[test]
    fn a_path_is_absolute_relative_or_an_option() {
        for (url, directory) in [
            ("disk:///var/cache/app", "/var/cache/app"),
            ("disk://cache/app", "cache/app"),
            ("disk://Cache", "Cache"),
            ("disk://?directory=/var/cache/app", "/var/cache/app"),
            ("disk://?directory=cache%20of%20mine", "cache of mine"),
        ] {
            assert_eq!(read(url).unwrap(), Disk::builder().directory(directory), "{url}");
        }
        assert_eq!(read("disk://").unwrap(), Disk::builder());
    }

    #[test]
    fn options_are_those_of_the_builder() {
        let url = "disk://?directory=d&timeout=1&shards=0&size_limit=512MB&check_interval=5s";
        let builder = Disk::builder().directory("d").shards(0).size_limit(512_000_000);
        assert_eq!(read(url).unwrap(), builder.check_interval(Duration::from_secs(5)));
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, size) in [
            ("0", Some(0)),
            ("1000000", Some(1_000_000)),
            ("1_000", Some(1_000)),
            ("5kB", Some(5_000)),
            ("2MiB", Some(2 << 20)),
            ("3 GiB", Some(3 << 30)),
            ("1g", Some(1_000_000_000)),
            ("1tb", Some(1_000_000_000_000)),
            ("", None),
            ("MB", None),
            ("-1", None),
            ("1.5GB", None),
            ("1 parsec", None),
            ("99999999999TB", None),
        ] {
            assert_eq!(bytes(text), size, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (url, said) in [
            ("disk://me@host/path", "not by a server"),
            ("disk://host:80/path", "not by a server"),
            ("disk:///a?directory=b", "twice"),
            ("disk://?size_limit=much", "`size_limit=much`"),
            ("disk://?shards=few", "`shards=few`"),
            ("disk://?check_interval=often", "`check_interval=often`"),
        ] {
            let error = read(url).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
        }
        for url in [
            "disk://?size_limit=10",
            "disk://?size_limit=1MB&shards=32",
            "disk://?shards=33",
            "disk://?directory=",
        ] {
            assert!(read(url).unwrap().try_build().is_err_and(|error| error.is_config()), "{url}");
        }
    }
}

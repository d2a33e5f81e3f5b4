//! `redis://`, `rediss://`, `redis+unix://`: where the server is, and options.

use std::sync::Arc;

use cache_core::{BackendUrl, Error, Result, Scheme};

use super::{Redis, RedisBuilder};

const HOST: &str = "127.0.0.1";
const PORT: u16 = 6379;

cache_core::submit_scheme!(Scheme::new(
    &["redis", "rediss", "redis+unix", "unix"],
    &[
        "client_side",
        "client_side_size",
        "cluster",
        "create_connection_timeout",
        "db",
        "maxsize",
        "minsize",
        "node",
        "password",
        "tls_ca",
        "tls_cert",
        "tls_key",
    ],
    |url| Ok(Arc::new(settings(url)?.try_build()?))
));

fn settings(url: &BackendUrl) -> Result<RedisBuilder> {
    let mut builder = place(url)?;
    if let Some(user) = url.user().filter(|user| !user.is_empty()) {
        builder = builder.user(user);
    }
    if let Some(password) = once(url, "password", url.password(), url.option("password"))? {
        builder = builder.password(password);
    }
    if let Some(minsize) = url.parsed("minsize", "a number of connections")? {
        builder = builder.minsize(minsize);
    }
    if let Some(maxsize) = url.parsed("maxsize", "a number of connections")? {
        builder = builder.maxsize(maxsize);
    }
    if let Some(limit) = url.duration("create_connection_timeout")? {
        builder = builder.create_connection_timeout(limit);
    }
    if let Some(cluster) = url.switch("cluster")? {
        builder = builder.cluster(cluster);
    }
    if let Some(client_side) = url.switch("client_side")? {
        builder = builder.client_side(client_side);
    }
    if let Some(size) = url.parsed("client_side_size", "a number of entries")? {
        builder = builder.client_side_size(size);
    }
    certificates(url, builder)
}

/// `redis://host:port/db`, or `redis+unix:///path?db=…`.
fn place(url: &BackendUrl) -> Result<RedisBuilder> {
    let builder = Redis::builder();
    let is_socket = matches!(url.scheme(), "redis+unix" | "unix");
    let db = if is_socket { None } else { Some(url.path()).filter(|path| !path.is_empty()) };
    let builder = match once(url, "db", db, url.option("db"))? {
        None => builder,
        Some(db) => builder.db(db.parse().map_err(|_| {
            // With an `@` in it, it may be the rest of a login with a bare `/`.
            let db = if db.contains('@') { "…" } else { db };
            Error::config(format!(
                "option `db={db}` of `{}`: expected the number of a database",
                url.scheme()
            ))
        })?),
    };
    if !is_socket {
        let builder = servers(url, builder)?;
        return Ok(if url.scheme() == "rediss" { builder.tls() } else { builder });
    }
    if !url.host().is_empty() || url.path().is_empty() {
        return Err(Error::config(format!(
            "`{scheme}://` is followed by the absolute path of a socket, as in `{scheme}:///run/redis.sock`",
            scheme = url.scheme()
        )));
    }
    Ok(builder.socket(format!("/{}", url.path())))
}

/// `redis://host:port`, or some servers of a cluster: `redis://a:7000,b:7001`, `redis://a:7000?node=b:7001&node=[::1]:7002`.
fn servers(url: &BackendUrl, mut builder: RedisBuilder) -> Result<RedisBuilder> {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let is_several = url.host().contains(',');
    let listed = format!("{}{port}", url.host());
    let mut listed: Vec<&str> = if is_several { listed.split(',').collect() } else { Vec::new() };
    if is_several {
        let (host, port) = server(url, listed.remove(0))?;
        builder = builder.server(host, port);
    } else {
        let host = if url.host().is_empty() { HOST } else { url.host() };
        builder = builder.server(host, url.port().unwrap_or(PORT));
    }
    for text in listed.into_iter().chain(url.options("node")) {
        let (host, port) = server(url, text)?;
        builder = builder.node(host, port);
    }
    Ok(builder)
}

/// `host`, `host:port` or `[address]:port`.
fn server(url: &BackendUrl, text: &str) -> Result<(String, u16)> {
    let read = BackendUrl::parse(&format!("redis://{text}")).ok();
    let is_place = |read: &BackendUrl| {
        !read.host().is_empty() && read.path().is_empty() && read.user().or(read.password()).is_none()
    };
    read.filter(is_place).map(|read| (read.host().to_owned(), read.port().unwrap_or(PORT))).ok_or_else(|| {
        // A login does not belong there, and not into a message.
        let text = text.rsplit('@').next().unwrap_or_default();
        Error::config(format!(
            "`{}` has no readable host:port in its list of servers: `{text}`",
            url.scheme()
        ))
    })
}

fn certificates(url: &BackendUrl, mut builder: RedisBuilder) -> Result<RedisBuilder> {
    let is_used = ["tls_ca", "tls_cert", "tls_key"].into_iter().find(|name| url.option(name).is_some());
    if let Some(name) = is_used
        && url.scheme() != "rediss"
    {
        return Err(Error::config(format!(
            "option `{name}` is for `rediss://`, not for `{}://`",
            url.scheme()
        )));
    }
    if let Some(path) = url.option("tls_ca") {
        builder = builder.tls_ca(path);
    }
    match (url.option("tls_cert"), url.option("tls_key")) {
        (Some(certificate), Some(key)) => Ok(builder.tls_own(certificate, key)),
        (None, None) => Ok(builder),
        _ => Err(Error::config(
            "options `tls_cert` and `tls_key` of `rediss` go together: one of them is missing",
        )),
    }
}

/// What can be said in two ways is said in one.
fn once<'u>(
    url: &BackendUrl,
    name: &str,
    written: Option<&'u str>,
    option: Option<&'u str>,
) -> Result<Option<&'u str>> {
    match (written, option) {
        (Some(_), Some(_)) => Err(Error::config(format!(
            "`{}://` says `{name}` twice: before its options and as one of them",
            url.scheme()
        ))),
        (written, option) => Ok(written.or(option)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(url: &str) -> Result<RedisBuilder> {
        settings(&BackendUrl::parse(url)?)
    }

    fn at(host: &str, port: u16) -> RedisBuilder {
        Redis::builder().server(host, port)
    }

    #[test]
    fn an_address_names_a_server_or_a_socket() {
        for (url, meant) in [
            ("redis://", at("127.0.0.1", 6379)),
            ("redis://cache.example.com", at("cache.example.com", 6379)),
            ("redis://10.0.0.1:7000/3", at("10.0.0.1", 7000).db(3)),
            ("redis://10.0.0.1?db=3", at("10.0.0.1", 6379).db(3)),
            ("redis://:secret@host/", at("host", 6379).password("secret")),
            ("redis://host?password=se%26cret", at("host", 6379).password("se&cret")),
            ("redis://me:secret@host", at("host", 6379).user("me").password("secret")),
            ("rediss://host", at("host", 6379).tls()),
            ("redis://a:1,b:2", at("a", 1).node("b", 2)),
            ("redis://a,b,c/?cluster=true", at("a", 6379).node("b", 6379).node("c", 6379)),
            ("rediss://:pw@a:1,b:2", at("a", 1).node("b", 2).password("pw").tls()),
            ("redis://[::1]:1?node=b:2&node=[::2]:3", at("::1", 1).node("b", 2).node("::2", 3)),
            ("redis+unix:///run/redis.sock?db=1", Redis::builder().socket("/run/redis.sock").db(1)),
            ("unix:///run/redis.sock", Redis::builder().socket("/run/redis.sock")),
        ] {
            assert_eq!(read(url).unwrap(), meant, "{url}");
        }
    }

    #[test]
    fn options_are_those_of_the_builder() {
        let url = "redis://h?timeout=1&minsize=2&maxsize=4&create_connection_timeout=250ms&cluster=1\
                   &client_side=true&client_side_size=500";
        let builder =
            at("h", 6379).minsize(2).maxsize(4).create_connection_timeout(Duration::from_millis(250));
        assert_eq!(read(url).unwrap(), builder.cluster(true).client_side(true).client_side_size(500));
        let url = "rediss://h?tls_ca=/ca.pem&tls_cert=/c.pem&tls_key=/k.pem";
        assert_eq!(read(url).unwrap(), at("h", 6379).tls_ca("/ca.pem").tls_own("/c.pem", "/k.pem"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (url, said) in [
            ("redis://h/three", "`db=three`"),
            ("redis://h?db=-1", "`db=-1`"),
            ("redis://h/1?db=1", "`db` twice"),
            ("redis://:a@h?password=b", "`password` twice"),
            ("redis://h?minsize=few", "`minsize=few`"),
            ("redis://h?maxsize=many", "`maxsize=many`"),
            ("redis://h?cluster=perhaps", "`cluster=perhaps`"),
            ("redis://h?client_side=perhaps", "`client_side=perhaps`"),
            ("redis://h?client_side_size=large", "`client_side_size=large`"),
            ("redis://h?create_connection_timeout=soon", "`create_connection_timeout=soon`"),
            ("redis://h?tls_ca=/ca.pem", "`tls_ca` is for `rediss://`"),
            ("rediss://h?tls_cert=/c.pem", "`tls_key`"),
            ("redis://a:1,:2", "`:2`"),
            ("redis://a:1?node=b:many", "`b:many`"),
            ("redis://a:1?node=me:pw@b", "host:port"),
            ("redis+unix://host/x.sock", "absolute path"),
            ("unix://", "absolute path"),
        ] {
            let error = read(url).map(|_| ()).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
        }
        for url in [
            "redis://h?maxsize=0",
            "redis://h?minsize=20",
            "redis://h/1?cluster=1",
            "redis://a,b?cluster=0",
            "redis+unix:///run/redis.sock?cluster=1",
            "redis://h?create_connection_timeout=0",
            "redis://h?client_side_size=0",
            "rediss://h?tls_ca=/no/such/file.pem",
        ] {
            assert!(read(url).unwrap().try_build().is_err_and(|error| error.is_config()), "{url}");
        }
    }

    #[test]
    fn what_may_be_the_rest_of_a_login_is_not_shown() {
        for url in ["redis://me:7/s3cr3t@host/0", "redis://:7?db=s3cr3t@host"] {
            let error = read(url).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_in_no_debug_text() {
        let builder = read("redis://me:s3cr3t@host").unwrap();
        let texts = [format!("{builder:?}"), format!("{:?}", builder.build())];
        assert!(texts.iter().all(|text| !text.contains("s3cr3t")), "{texts:?}");
    }
}

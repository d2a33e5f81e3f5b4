//! A server that keeps nothing, has no verb it need not have, and gives raw commands back.

use macadamia::{Backend, BoxFuture, Entry, Key, Reply, Result, SetOptions};
use std::sync::Arc;

pub struct Echo;

fn answer<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, Result<T>> {
    Box::pin(async move { Ok(answer) })
}

impl Backend for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        answer(None)
    }

    fn set<'a>(&'a self, _: &'a Key, _: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        answer(true)
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        answer(false)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        answer(())
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        let args = args.iter().map(|arg| Reply::Bytes(arg.to_vec().into()));
        answer(Reply::List(std::iter::once(Reply::Status(command.to_owned())).chain(args).collect()))
    }
}

//! Whether jitd answers somebody who comes anew.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zbus::message::{Message, Type};

use super::connect;

/// Most bytes of an answer that is none.
const MOST: usize = 1024;

/// Connects to jitd's own socket as everybody does, and asks whether it lives.
///
/// # Errors
/// It does not say so.
pub(crate) async fn ping(path: &Path) -> io::Result<()> {
    let mut stream = connect(path).await?;
    let ping = Message::method_call("/", "Ping")
        .interface("org.freedesktop.DBus.Peer")
        .build(&())
        .map_err(io::Error::other)?;
    // The kernel says who we are.
    let mut says = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".to_vec();
    says.extend_from_slice(ping.data());
    stream.write_all(&says).await?;
    let mut heard = Vec::new();
    loop {
        match answered(&heard) {
            Some(true) => return Ok(()),
            Some(false) => {
                let said = String::from_utf8_lossy(&heard);
                let said = said
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("ERROR ");
                return Err(io::Error::other(said.to_owned()));
            }
            None => {}
        }
        let mut some = [0; MOST];
        match stream.read(&mut some).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => heard.extend_from_slice(&some[..read]),
        }
    }
}

/// Whether this is its word; none while it is not all of it.
fn answered(heard: &[u8]) -> Option<bool> {
    let mut rest = heard;
    for expected in [&b"DATA"[..], b"OK "] {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            return (heard.len() >= MOST).then_some(false);
        };
        if !rest.starts_with(expected) {
            return Some(false);
        }
        rest = &rest[end + 2..];
    }
    // The second byte of a message is its type.
    let kind = rest.get(1)?;
    Some(*kind == Type::MethodReturn as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_others() {
        let whole = b"DATA\r\nOK 1234\r\nl\x02\x01\x01";
        for end in 0..whole.len() - 2 {
            assert_eq!(answered(&whole[..end]), None, "{end}");
        }
        assert_eq!(answered(whole), Some(true));
        assert_eq!(answered(b"DATA\r\nOK 1234\r\nl\x03"), Some(false));
        assert_eq!(answered(b"ERROR too many\r\n"), Some(false));
        assert_eq!(answered(&[b'x'; MOST]), Some(false));
    }
}

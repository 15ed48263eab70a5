//! How a connection to jitd's own socket begins: the handshake of the D-Bus specification, in which
//! a client says who it is. The kernel has said so already, and what it says counts.

use std::fmt::Write;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Most bytes until somebody has said who they are.
const MOST: usize = 1024;

/// What a server of D-Bus calls itself.
pub(super) const GUID: &str = "6f72672e6a697464312e636f6e74726f";

/// Goes through it with whoever connected; gives what they have sent beyond it.
///
/// # Errors
/// They have hung up, or talk about something else.
pub(super) async fn greet(stream: &mut UnixStream, uid: u32) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let mut answers = 0;
    let mut is_known = false;
    loop {
        let Some(end) = said.windows(2).position(|two| two == b"\r\n") else {
            if said.len() >= MOST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut some = [0; MOST];
            match stream.read(&mut some[..MOST - said.len()]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => said.extend_from_slice(&some[..read]),
            }
            continue;
        };
        let rest = said.split_off(end + 2);
        let line = std::mem::replace(&mut said, rest);
        let mut line = line.strip_suffix(b"\r\n").unwrap_or(&line);
        if answers == 0 {
            // It begins with a byte that carries credentials where sockets have none.
            line = line.strip_prefix(b"\0").unwrap_or(line);
        }
        if line == b"BEGIN" && is_known {
            return Ok(said);
        }
        let answer = answer(line, uid, &mut is_known);
        stream.write_all(answer.as_bytes()).await?;
        answers += 1;
        if answers > 8 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// What somebody is told who is not let in, so that a D-Bus library passes it on.
pub(super) fn turning_away(why: &str) -> String {
    format!("ERROR {why}\r\n")
}

fn answer(line: &[u8], uid: u32, is_known: &mut bool) -> String {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let claim = match (words.next(), words.next()) {
        (Some("AUTH"), Some("EXTERNAL")) => match words.next() {
            None => return "DATA\r\n".to_owned(),
            Some(claim) => claim.to_owned(),
        },
        (Some("DATA"), claim) => claim.unwrap_or_default().to_owned(),
        (Some("NEGOTIATE_UNIX_FD"), None) if *is_known => return "AGREE_UNIX_FD\r\n".to_owned(),
        (Some("AUTH" | "CANCEL" | "ERROR"), _) => {
            *is_known = false;
            return "REJECTED EXTERNAL\r\n".to_owned();
        }
        _ => return "ERROR\r\n".to_owned(),
    };
    // Whoever claims nothing leaves it to the kernel.
    let is_they = claim.is_empty() || claim.eq_ignore_ascii_case(&hex(&uid.to_string()));
    *is_known = is_they;
    if is_they {
        format!("OK {GUID}\r\n")
    } else {
        "REJECTED EXTERNAL\r\n".to_owned()
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        // A string takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn conversation(says: &[u8]) -> (io::Result<Vec<u8>>, String) {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(says).await.unwrap();
        theirs.shutdown().await.unwrap();
        let greeted = greet(&mut ours, 1000).await;
        drop(ours);
        let mut heard = String::new();
        let _ = theirs.read_to_string(&mut heard).await;
        (greeted, heard)
    }

    #[tokio::test]
    async fn whoever_says_who_they_are_is_let_in() {
        let says = b"\0AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01";
        let (greeted, heard) = conversation(says).await;
        assert_eq!(greeted.unwrap(), b"l\x01");
        assert_eq!(heard, format!("OK {GUID}\r\nAGREE_UNIX_FD\r\n"));
        let asked = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        let (greeted, heard) = conversation(asked).await;
        assert!(greeted.unwrap().is_empty());
        assert_eq!(heard, format!("DATA\r\nOK {GUID}\r\n"));
    }

    #[tokio::test]
    async fn whoever_says_something_else_is_not() {
        for says in [
            &b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n"[..],
            b"\0BEGIN\r\n",
            b"\0AUTH ANONYMOUS\r\nBEGIN\r\n",
            b"\n\n\n",
            b"\r\n",
            b"\0AUTH EXTERNAL 31303030\r\nCANCEL\r\nBEGIN\r\n",
            &[b'x'; 4 * MOST],
            &b"x\r\n".repeat(20),
        ] {
            let (greeted, _) = conversation(says).await;
            assert!(greeted.is_err(), "{}", String::from_utf8_lossy(says));
        }
    }
}

use std::io::ErrorKind;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zbus::MessageStream;
use zbus::connection::{Builder, Connection};

use super::*;

const BOUNDS: Bounds = Bounds {
    of_one: 2,
    of_all: 3,
    names_senders: true,
    is_systemd: false,
};

/// A connection with these bounds, and what somebody says to it and hears from it.
async fn scene(bounds: Bounds) -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let socket = halves(ours, Vec::new(), bounds);
    let guid = "6f72672e6a697464312e636f6e74726f";
    let builder = Builder::authenticated_socket(socket, guid).p2p();
    (builder.build().await.unwrap(), theirs)
}

/// A call of a sender, with a text of this length.
fn call(sender: &str, length: usize) -> Message {
    let call = Message::method_call("/", "Ping").sender(sender);
    call.build(&"x".repeat(length)).unwrap()
}

/// The same, which wants no answer.
fn silent(call: &Message) -> Vec<u8> {
    let mut bytes = call.data().to_vec();
    bytes[NO_REPLY.0] |= NO_REPLY.1;
    bytes
}

/// The next message that is heard: the call that it answers, and its error.
async fn hears(stream: &mut UnixStream) -> (u32, String) {
    let mut start = [0; START];
    stream.read_exact(&mut start).await.unwrap();
    let mut bytes = start.to_vec();
    bytes.resize(Length::of(&start).unwrap().all(), 0);
    stream.read_exact(&mut bytes[START..]).await.unwrap();
    let message = Whole::of(bytes, Vec::new()).read(0).await.unwrap();
    let header = message.header();
    let error = header.error_name().map(ToString::to_string);
    (
        header.reply_serial().unwrap().get(),
        error.unwrap_or_default(),
    )
}

fn serial(message: &Message) -> u32 {
    message.primary_header().serial_num().get()
}

const LIMIT: &str = "org.jitd1.Error.LimitExceeded";

#[tokio::test]
async fn what_is_too_long_is_refused_and_what_comes_after_it_is_heard() {
    let (connection, mut theirs) = scene(BOUNDS).await;
    let mut heard = MessageStream::from(&connection);
    let long = call(":1.7", 4 * 1024 * 1024);
    let (mut read, mut write) = theirs.split();
    let saying = async {
        write.write_all(long.data()).await.unwrap();
        write.write_all(call(":1.7", 10).data()).await.unwrap();
    };
    let hearing = async {
        let next = heard.next().await.unwrap().unwrap();
        assert_eq!(next.body().deserialize::<String>().unwrap().len(), 10);
    };
    tokio::join!(saying, hearing);
    let mut start = [0; START];
    read.read_exact(&mut start).await.unwrap();
    let mut bytes = start.to_vec();
    bytes.resize(Length::of(&start).unwrap().all(), 0);
    read.read_exact(&mut bytes[START..]).await.unwrap();
    let reply = Whole::of(bytes, Vec::new()).read(0).await.unwrap();
    let header = reply.header();
    assert_eq!(header.error_name().unwrap().as_str(), LIMIT);
    assert_eq!(header.reply_serial().unwrap().get(), serial(&long));
    assert_eq!(header.destination().unwrap().as_str(), ":1.7");
}

#[tokio::test]
async fn whoever_sends_more_than_is_answered_is_told_so() {
    let (connection, mut theirs) = scene(BOUNDS).await;
    let mut heard = MessageStream::from(&connection);
    let mut taken = Vec::new();
    for _ in 0..BOUNDS.of_one {
        theirs.write_all(call(":1.7", 1).data()).await.unwrap();
        taken.push(heard.next().await.unwrap().unwrap());
    }
    let more = call(":1.7", 1);
    theirs.write_all(more.data()).await.unwrap();
    assert_eq!(hears(&mut theirs).await, (serial(&more), LIMIT.to_owned()));
    // Others are heard, up to what all may have.
    theirs.write_all(call(":1.8", 1).data()).await.unwrap();
    taken.push(heard.next().await.unwrap().unwrap());
    let more = call(":1.9", 1);
    theirs.write_all(more.data()).await.unwrap();
    assert_eq!(hears(&mut theirs).await, (serial(&more), LIMIT.to_owned()));
    // Whoever is answered may call again.
    connection.reply(&taken[0].header(), &()).await.unwrap();
    let answered = hears(&mut theirs).await;
    assert_eq!(answered, (serial(&taken[0]), String::new()));
    theirs.write_all(call(":1.7", 1).data()).await.unwrap();
    heard.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_wants_no_answer_gets_none_and_is_counted() {
    let (connection, mut theirs) = scene(BOUNDS).await;
    let mut heard = MessageStream::from(&connection);
    for _ in 0..3 * BOUNDS.of_one {
        theirs.write_all(&silent(&call(":1.7", 1))).await.unwrap();
        let next = heard.next().await.unwrap().unwrap();
        connection.reply(&next.header(), &()).await.unwrap();
    }
    let last = call(":1.7", 1);
    theirs.write_all(last.data()).await.unwrap();
    let next = heard.next().await.unwrap().unwrap();
    connection.reply(&next.header(), &()).await.unwrap();
    // What is heard first is the answer to the one that wanted one.
    assert_eq!(hears(&mut theirs).await, (serial(&last), String::new()));
}

#[tokio::test]
async fn a_sender_of_ones_own_invention_counts_for_nothing() {
    let alone = Bounds {
        names_senders: false,
        ..BOUNDS
    };
    let (connection, mut theirs) = scene(alone).await;
    let mut heard = MessageStream::from(&connection);
    for sender in [":1.1", ":1.2"] {
        theirs.write_all(call(sender, 1).data()).await.unwrap();
        heard.next().await.unwrap().unwrap();
    }
    let more = call(":1.3", 1);
    theirs.write_all(more.data()).await.unwrap();
    assert_eq!(hears(&mut theirs).await, (serial(&more), LIMIT.to_owned()));
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64]] {
        let (connection, mut theirs) = scene(BOUNDS).await;
        theirs.write_all(nonsense).await.unwrap();
        connection.closed().await;
    }
}

#[tokio::test]
async fn systemd_is_understood_without_a_bus() {
    let bounds = Bounds {
        is_systemd: true,
        ..BOUNDS
    };
    let (connection, mut theirs) = scene(bounds).await;
    let mut heard = MessageStream::from(&connection);
    let unique = ":org.freedesktop.systemd";
    let signal = Message::signal("/", "org.freedesktop.systemd1.Manager", "UnitRemoved");
    let signal = signal
        .sender(unique)
        .build(&"org.freedesktop.systemd1")
        .unwrap();
    // As it says it.
    let mut bytes = signal.data().to_vec();
    let at = bytes
        .windows(unique.len())
        .position(|some| some == unique.as_bytes());
    bytes[at.unwrap()..][..unique.len()].copy_from_slice(b"org.freedesktop.systemd1");
    theirs.write_all(&bytes).await.unwrap();
    let said = heard.next().await.unwrap().unwrap();
    assert_eq!(said.header().sender().unwrap().as_str(), unique);
    let body: String = said.body().deserialize().unwrap();
    assert_eq!(body, "org.freedesktop.systemd1");
}

#[test]
fn lengths_of_any_size_are_told_from_what_is_no_message() {
    let start = |order: u8, body: u32, fields: u32| {
        let mut start = [0; START];
        start[0] = order;
        let bytes = |number: u32| match order {
            b'B' => number.to_be_bytes(),
            _ => number.to_le_bytes(),
        };
        start[4..8].copy_from_slice(&bytes(body));
        start[12..].copy_from_slice(&bytes(fields));
        Length::of(&start)
    };
    for order in [b'l', b'B'] {
        let length = start(order, 5, 3).unwrap();
        assert_eq!((length.head(), length.all()), (START + 8, START + 13));
        let longest = start(order, u32::MAX, u32::MAX).unwrap();
        assert!(longest.all() > MOST_ANSWER);
    }
    assert_eq!(
        start(b'x', 0, 0).unwrap_err().kind(),
        ErrorKind::InvalidData
    );
}

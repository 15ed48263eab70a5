//! Real sockets, and logs that stop, go and come back when they are told to.

mod fakes;

use fakes::{Host, MINUTE};
use tokio::sync::watch;

use super::super::teller::Teller;
use super::*;

#[test]
fn each_event_comes_once_in_order_to_both() {
    let host = Host::with_both();
    host.happen(100);
    let mut delivery = host.start();
    assert_eq!(host.all_told(&mut delivery), Next::Nothing);
    host.journal().has(1..=100);
    host.syslog().has(1..=100);
}

#[test]
fn the_journal_waits_for_a_syslogd_that_does_not_read() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.syslog().stop();
    host.happen(5);
    for _ in 0..3 {
        assert_eq!(delivery.round(), Next::Later);
    }
    host.journal().has_nothing();
    host.pass(MINUTE / 2);
    assert_eq!(delivery.round(), Next::Later);
    host.journal().has_nothing();

    host.syslog().go();
    host.all_told(&mut delivery);
    host.journal().has(1..=5);
    host.syslog().has(1..=5);
    host.syslog().are_late(1..=5);
}

#[test]
fn it_does_not_wait_for_ever_for_one_that_is_full() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.syslog().stop();
    host.syslog().fill();
    host.happen(5);
    assert_eq!(delivery.round(), Next::Later);
    host.pass(MINUTE);
    host.told_until(&mut delivery, |told| told.journal == 5);
    host.journal().has(1..=5);
    host.happen(2);
    host.told_until(&mut delivery, |told| told.journal == 7);

    host.syslog().go();
    host.all_told(&mut delivery);
    host.happen(1);
    host.all_told(&mut delivery);
    host.journal().has(1..=8);
    host.syslog().has(1..=8);
    host.syslog().are_late(1..=5);
}

#[test]
fn nor_for_one_that_has_room_but_does_not_read() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.syslog().stop();
    host.happen(40);
    delivery.round();
    host.pass(MINUTE);
    host.told_until(&mut delivery, |told| told.journal == 40);
    host.syslog().go();
    host.all_told(&mut delivery);
    host.journal().has(1..=40);
    host.syslog().has_at_most_one_twice(1..=40);
}

#[test]
fn a_journal_that_does_not_read_loses_nothing() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.journal().stop();
    host.happen(30);
    for _ in 0..3 {
        assert_eq!(delivery.round(), Next::Later);
    }
    host.syslog().has_nothing();
    host.journal().go();
    host.all_told(&mut delivery);
    host.journal().has(1..=30);
    host.syslog().has(1..=30);
}

#[test]
fn a_syslogd_that_is_replaced_misses_nothing() {
    let mut host = Host::with_both();
    let mut delivery = host.start();
    for round in 1..=5 {
        host.happen(7);
        delivery.round();
        host.syslog_mut().replace();
        host.all_told(&mut delivery);
        host.syslog().has(1..=7 * round);
    }
    host.journal().has(1..=35);
}

#[test]
fn without_a_journal_a_syslogd_that_leaves_lines_unread_gets_them_again() {
    let mut host = Host::with_syslog_alone();
    let mut delivery = host.start();
    host.happen(3);
    host.all_told(&mut delivery);
    host.syslog().stop();
    host.happen(20);
    assert_eq!(delivery.round(), Next::Later);
    host.syslog_mut().replace();
    host.all_told(&mut delivery);
    host.syslog().has(1..=23);
    assert_eq!(host.noted().journal, 23, "a journal that comes is not owed");
}

#[test]
fn what_hangs_in_a_socket_that_was_replaced_goes_to_the_new_one() {
    let mut host = Host::with_syslog_alone();
    let mut delivery = host.start();
    host.syslog().stop();
    host.happen(3);
    assert_eq!(delivery.round(), Next::Later);
    let old = host.replace_the_socket();
    host.all_told(&mut delivery);
    host.syslog().has(1..=3);
    old.has_nothing();
}

#[test]
fn a_journal_that_is_gone_for_a_moment_is_waited_for() {
    let mut host = Host::with_both();
    let mut delivery = host.start();
    host.happen(1);
    host.all_told(&mut delivery);
    host.lose_the_journal();
    host.happen(2);
    assert_eq!(delivery.round(), Next::Later);
    assert_eq!(host.syslog().seqs_when_read(), [1]);
    host.pass(BLINK);
    host.all_told(&mut delivery);
    host.syslog().has(1..=3);
}

#[test]
fn where_both_are_alone_neither_waits_for_the_other() {
    let host = Host::with_each_alone();
    let mut delivery = host.start();
    host.journal().stop();
    host.happen(5);
    host.told_until(&mut delivery, |told| told.syslog == 5);
    host.syslog().has(1..=5);
    host.syslog().stop();
    host.journal().go();
    host.happen(5);
    host.told_until(&mut delivery, |told| told.journal == 10);
    host.journal().has(1..=10);
    host.syslog().go();
    host.all_told(&mut delivery);
    host.syslog().has(1..=10);
}

#[test]
fn a_syslogd_that_comes_gets_the_last_day() {
    let mut host = Host::with_journal_alone();
    let mut delivery = host.start();
    host.happen(20);
    host.all_told(&mut delivery);
    host.pass(OWED);
    host.happen(5);
    host.all_told(&mut delivery);
    assert_eq!(host.noted().journal, 25);
    host.told_until(&mut delivery, |told| told.syslog == 20);
    host.add_syslogd();
    host.happen(1);
    host.all_told(&mut delivery);
    host.syslog().has(21..=26);
    host.journal().has(1..=26);
}

#[test]
fn what_cannot_be_noted_is_told_on_and_again_after_a_restart() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.happen(3);
    host.all_told(&mut delivery);
    host.cannot_note(true);
    host.happen(3);
    while delivery.round() != Next::Nothing {}
    host.syslog().has(1..=6);
    host.cannot_note(false);
    drop(delivery);
    let mut delivery = host.start();
    host.all_told(&mut delivery);
    assert_eq!(host.syslog().seqs_when_read(), [1, 2, 3, 4, 5, 6, 4, 5, 6]);
}

#[test]
fn what_cannot_be_noted_now_is_noted_later() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.cannot_note(true);
    host.happen(3);
    while delivery.round() != Next::Nothing {}
    host.cannot_note(false);
    delivery.round();
    assert_eq!(
        host.noted(),
        Told {
            journal: 3,
            syslog: 3
        }
    );
}

#[test]
fn after_a_crash_no_more_than_a_batch_is_told_again() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.happen(50);
    for _ in 0..3 {
        delivery.round();
        let told = host.syslog().seqs_when_read().len() as u64;
        assert_eq!(told, host.noted().syslog, "noted in every round");
        assert_eq!(told, host.noted().journal);
    }
    assert_eq!(host.syslog().seqs_when_read().len(), 3 * BATCH);
}

#[test]
fn one_event_that_makes_no_sense_silences_no_other() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.happen(20);
    host.spoil(7);
    host.all_told(&mut delivery);
    let but_one: Vec<u64> = (1..=20).filter(|seq| *seq != 7).collect();
    assert_eq!(host.journal().seqs_when_read(), but_one);
    assert_eq!(host.syslog().seqs_when_read(), but_one);
}

#[test]
fn a_restart_while_a_log_stalls_goes_on_in_order() {
    let host = Host::with_both();
    let mut delivery = host.start();
    host.syslog().stop();
    host.happen(5);
    delivery.round();
    drop(delivery);
    host.syslog().go();
    let mut delivery = host.start();
    host.all_told(&mut delivery);
    host.syslog().has(1..=5);
    host.journal().has(1..=5);
}

const LONG_ENOUGH: Duration = Duration::from_secs(30);

#[test]
fn a_teller_tells_what_is_new_and_goes_on_when_a_log_does() {
    let host = Host::with_both();
    let news = watch::Sender::new(());
    let teller = Teller::of(host.start(), news.subscribe()).unwrap();
    for round in 1..=3 {
        host.syslog().stop();
        host.happen(2);
        news.send_replace(());
        host.wait_for_a_stall();
        host.syslog().go();
        host.wait_until_noted(2 * round);
    }
    drop(teller);
    host.journal().has(1..=6);
    host.syslog().has(1..=6);
}

#[test]
fn a_teller_that_ends_tells_the_rest_if_the_logs_let_it() {
    let host = Host::with_both();
    let news = watch::Sender::new(());
    let teller = Teller::of(host.start(), news.subscribe()).unwrap();
    host.happen(50);
    teller.finish(LONG_ENOUGH);
    host.syslog().has(1..=50);
    drop(teller);

    host.syslog().stop();
    let teller = Teller::of(host.start(), news.subscribe()).unwrap();
    host.happen(1);
    // It does not wait for long: this test ends.
    drop(teller);
    assert_eq!(host.noted().syslog, 50);
}

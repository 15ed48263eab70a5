//! Every event there is, and what belongs to it: what jitd-events(7) says, which a test compares.

/// Makes [`EventName`] of a table, so that nothing of an event can be forgotten.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $event:ident $name:literal $id:literal $severity:ident [$($field:literal)*])*) => {
        /// What happened: `noun.verb`, catalogued in jitd-events(7).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventName {
            $($(#[$doc])* $event,)*
        }

        impl EventName {
            /// Every event there is.
            pub const ALL: &[Self] = &[$(Self::$event,)*];

            /// Its name in the record.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }

            /// Its message id in the journal (`journalctl MESSAGE_ID=…`), for ever the same.
            #[must_use]
            pub const fn message_id(self) -> &'static str {
                match self {
                    $(Self::$event => concat!("6f1a5ec1f6c94c3d9a3c1c4b8f6e2d", $id),)*
                }
            }

            /// How loud it is told.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$event => Severity::$severity,)*
                }
            }

            /// The fields of its own that it can have, in the order in which they are written.
            #[must_use]
            pub const fn fields(self) -> &'static [&'static str] {
                match self {
                    $(Self::$event => &[$($field,)*],)*
                }
            }
        }
    };
}

// The last two digits of a message id are never used again.
catalogue! {
    /// Somebody asked for a role.
    Requested "elevation.requested" "01" Notice
        ["by" "login" "duration" "start" "extends" "ticket" "reason"]
    /// An approver said yes; it is active.
    Approved "elevation.approved" "02" Notice
        ["by" "login" "duration" "missing" "starts" "ends" "because" "comment"]
    /// An approver said no.
    Denied "elevation.denied" "03" Notice ["by" "login" "comment"]
    /// The requester took it back.
    Cancelled "elevation.cancelled" "04" Notice ["by" "login" "comment"]
    /// Nobody decided in time.
    Lapsed "elevation.lapsed" "05" Notice ["by"]
    /// Its time was up.
    Expired "elevation.expired" "06" Notice ["by" "comment"]
    /// Its holder ended it.
    Released "elevation.released" "07" Notice ["by" "login" "comment"]
    /// Somebody else, or a change of policy, ended it.
    Revoked "elevation.revoked" "08" Notice ["by" "login" "comment"]
    /// Its time has come; it is active.
    Started "elevation.started" "09" Notice ["by" "ends"]
    /// Somebody took a role at once, to answer for it afterwards.
    GlassBroken "glass.broken" "0a" Alert
        ["by" "login" "duration" "extends" "ticket" "reason" "ends"]
    /// An approver took note of that.
    GlassAcknowledged "glass.acknowledged" "0b" Notice ["by" "login" "comment"]
    /// A policy came into force.
    PolicyLoaded "policy.loaded" "0c" Notice ["by" "login" "roles" "digest"]
    /// A policy was not taken.
    PolicyRefused "policy.refused" "0d" Error ["by" "login" "error" "digest"]
    /// Somebody tried what they may not.
    AttemptRefused "attempt.refused" "0e" Warning
        ["by" "login" "tried" "because" "count" "since" "until"]
    /// Somebody managed was not let in.
    GateRefused "gate.refused" "0f" Warning
        ["service" "terminal" "remote" "session" "because" "pending" "count" "since" "until"]
    /// A session was opened under an elevation.
    SessionOpened "session.opened" "10" Notice
        ["session" "service" "terminal" "remote" "command" "recording"]
    /// A session was not opened, because nothing could have ended it.
    SessionRefused "session.refused" "11" Error
        ["session" "service" "terminal" "remote" "command" "because"]
    /// A session goes on under what extends its elevation.
    SessionExtended "session.extended" "12" Notice
        ["session" "service" "terminal" "remote" "command"]
    /// A session was over before its elevation.
    SessionClosed "session.closed" "13" Notice
        ["session" "service" "terminal" "remote" "command" "because" "lasted"]
    /// A session was ended, because its elevation had.
    SessionEnded "session.ended" "14" Notice
        ["session" "service" "terminal" "remote" "command" "lasted"]
    /// A session was moved out of what holds it together; it is ended.
    SessionEscaped "session.escaped" "16" Alert
        ["session" "service" "terminal" "remote" "command" "unit"]
    /// Somebody was given what was recorded of a session.
    RecordingRead "recording.read" "15" Notice ["by" "login" "session" "service"]
    /// Others put somebody into a group of jitd's own.
    DriftRemoved "drift.removed" "20" Warning
        ["by" "group" "member" "others" "count" "since" "until"]
    /// Others took somebody out of a group that an elevation gives.
    DriftRestored "drift.restored" "21" Warning
        ["by" "group" "member" "others" "count" "since" "until"]
    /// Somebody is being put into a group.
    MembershipGiven "membership.given" "22" Notice ["by" "group" "member"]
    /// Somebody is out of a group again.
    MembershipTaken "membership.taken" "23" Notice ["by" "group" "member"]
    /// Somebody set the clock.
    ClockStepped "clock.stepped" "30" Warning ["step" "from" "to"]
    /// jitd began to run.
    DaemonStarted "daemon.started" "40" Notice ["version" "schema" "policy" "boot" "after"]
    /// jitd was stopped.
    DaemonStopped "daemon.stopped" "41" Notice ["because"]
    /// jitd has caught up with what it was not there for, not having been stopped.
    DaemonRecovered "daemon.recovered" "42" Warning ["after" "ended" "closed" "taken"]
    /// The second enforcer did what jitd should have done.
    EnforcerActed "enforcer.acted" "43" Warning
        ["ended" "closed" "taken" "killed"]
    /// jitd is being removed from the host.
    DaemonWithdrawn "daemon.withdrawn" "44" Warning ["by" "login"]
    /// The gate was put into PAM.
    GateInstalled "gate.installed" "50" Notice ["by" "login"]
    /// The gate was taken out of PAM.
    GateUninstalled "gate.uninstalled" "51" Warning ["by" "login"]
    /// Events were moved into a file.
    RecordArchived "record.archived" "60" Notice
        ["by" "login" "first" "last" "head" "file" "digest"]
    /// A copy of the database was made.
    RecordCopied "record.copied" "61" Notice ["by" "login"]
}

impl EventName {
    /// What events say of all their kind: none of them has a field of such a name.
    pub const RESERVED: &[&str] = &[
        "seq", "at", "event", "id", "user", "uid", "role", "chain", "late",
    ];

    /// The one with this name in the record.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|event| event.as_str() == name)
    }
}

/// How loud an event is, by syslog(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody must look at once.
    Alert,
    /// Something is wrong.
    Error,
    /// Somebody may be up to something.
    Warning,
    /// As it should be.
    Notice,
}

impl Severity {
    /// Its word in syslog.conf(5).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Error => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_event_has_a_name_and_a_message_id_of_its_own() {
        let all = EventName::ALL;
        let names: HashSet<_> = all.iter().map(|name| name.as_str()).collect();
        let ids: HashSet<_> = all.iter().map(|name| name.message_id()).collect();
        assert_eq!((names.len(), ids.len()), (all.len(), all.len()));
        assert!(
            ids.iter()
                .all(|id| id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()))
        );
    }

    #[test]
    fn no_field_is_there_twice_or_has_a_name_that_all_events_have() {
        for event in EventName::ALL {
            let fields = event.fields();
            let distinct: HashSet<_> = fields.iter().collect();
            assert_eq!(distinct.len(), fields.len(), "{event:?}");
            for field in fields {
                assert!(!EventName::RESERVED.contains(field), "{event:?}: {field}");
                assert!(
                    field.chars().all(|c| c.is_ascii_lowercase()),
                    "{event:?}: {field} is no name for a field of the journal"
                );
            }
        }
    }
}

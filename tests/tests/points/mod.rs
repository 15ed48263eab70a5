//! Where jitd is killed, and what is done meanwhile.

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// carol asks.
    Request,
    /// alice says yes to carol.
    Approve,
    /// carol starts something by sudo.
    Open,
    /// Her sudo is killed while its session is registered, and nobody buries it.
    Vanish,
    /// What she started ends by itself.
    Close,
    /// alice says yes to more time for carol, who has something running.
    Extend,
    /// carol ends her elevation.
    End,
    /// alice ends carol's.
    Revoke,
    /// carol's time is up.
    Expire,
    /// Root takes carol out of her group.
    Restore,
    /// Root puts dave into it.
    Remove,
    /// Root brings a role with a group that is not there.
    Group,
    /// carol ends her elevation, and a process of hers that holds its group is deaf.
    Holder,
    /// jitd starts; carol's role has been taken out of the policy meanwhile.
    Start,
}

impl Act {
    /// The command. `id` is the elevation that it is about.
    pub(crate) fn what(self, id: i64, number: usize) -> String {
        match self {
            Self::Request => "as carol jitctl request deploy --for 10m".to_owned(),
            Self::Approve | Self::Extend => format!("as alice jitctl approve {id}"),
            Self::Open => "as carol sudo -n -b sleep 1000".to_owned(),
            Self::Vanish => "as carol sh -c 'sudo -n sleep 1000 & exec sleep 10' &
                jitd=$(systemctl show --property=MainPID --value jitd)
                until grep -q nanosleep /proc/$jitd/wchan; do :; done
                pkill -KILL -x sudo"
                .to_owned(),
            Self::Close => "kill $(cat /run/carols)".to_owned(),
            Self::End | Self::Holder => format!("as carol jitctl end {id}"),
            Self::Revoke => format!("as alice jitctl revoke {id} --comment enough"),
            Self::Expire => ":".to_owned(),
            Self::Restore => "gpasswd --delete carol jit-deploy".to_owned(),
            Self::Remove => "gpasswd --add dave jit-deploy".to_owned(),
            Self::Group => format!(
                "printf '[role.extra]\\ngroups = [\"jit-extra{number}\"]\\n\
                 eligible = {{ users = [\"carol\"] }}\\n' >/etc/jitd/roles.d/extra.toml
                 jitctl policy reload"
            ),
            Self::Start => "systemctl start jitd".to_owned(),
        }
    }

    /// The state of the elevation, where that happened.
    pub(crate) fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Approve
            | Self::Open
            | Self::Vanish
            | Self::Close
            | Self::Restore
            | Self::Remove => Some("active"),
            Self::Extend => Some("scheduled"),
            Self::End | Self::Holder => Some("released"),
            Self::Revoke | Self::Start => Some("revoked"),
            Self::Expire => Some("expired"),
            Self::Request | Self::Group => None,
        }
    }
}

/// A point that jitd comes to in an act.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) act: Act,
    /// As the crate `fail` reads it. The last one kills.
    pub(crate) points: &'static str,
}

impl Point {
    /// Where it is killed.
    pub(crate) fn name(&self) -> &'static str {
        let last = self.points.rsplit(';').next().unwrap_or_default();
        last.split('=').next().unwrap_or_default()
    }

    /// Whether what was asked for happens: not if it was not durable yet, unless it happens by
    /// itself.
    pub(crate) fn happens(&self) -> bool {
        let by_request = matches!(
            self.act,
            Act::Request | Act::Approve | Act::Extend | Act::End | Act::Revoke
        );
        let before = self.name() == "engine.decided" || self.name().starts_with("store.");
        !(by_request && before)
    }
}

macro_rules! points {
    ($($act:ident: $($points:literal),+;)+) => {
        &[$($(Point { act: Act::$act, points: $points }),+),+]
    };
}

/// All of them.
pub(crate) const POINTS: &[Point] = points! {
    Request: "engine.decided=return", "store.begun=return", "store.stated=return",
        "store.uncommitted=return", "engine.committed=return", "record.told=return",
        "engine.wished=return", "engine.matched=return";
    Approve: "store.stated=return", "engine.committed=return", "record.told=return",
        "engine.wished=return", "timers.unset=return", "timers.set=return",
        "reconciler.begun=return", "sudoers.prepared=return", "reconciler.ruled=return",
        "files.prepared=return", "held.uncommitted=return", "files.noted=return",
        "files.put=return",
        // The second file too.
        "files.prepared=1*off->return", "files.put=1*off->return",
        "reconciler.done=return", "engine.matched=return";
    // The scope is started while it is put on record: one of both waits for the other.
    Open: "store.begun=sleep(700);store.stated=return", "store.uncommitted=return",
        "sessions.starting=return", "sessions.starting=sleep(700);scopes.unstarted=return",
        "engine.committed=return", "sessions.started=return", "sessions.confirmed=return", "units.queued=return";
    Vanish: "sessions.starting=sleep(1500);units.queued=return";
    Close: "sessions.closing=return", "store.stated=return", "engine.committed=return";
    Extend: "store.stated=return", "engine.committed=return", "engine.wished=return",
        "scopes.frozen=return", "scopes.renewed=return", "scopes.moved=return";
    End: "store.stated=return", "engine.committed=return", "sessions.over=return",
        "engine.wished=return", "scopes.asked=return", "timers.taken=return",
        "reconciler.ruled=return", "files.noted=return", "files.put=return",
        "memberships.taken=return", "held.uncommitted=return", "memberships.forgotten=return",
        "engine.matched=return";
    Revoke: "store.uncommitted=return", "engine.committed=return", "reconciler.begun=return",
        "files.put=1*off->return";
    Expire: "store.stated=return", "engine.committed=return", "reconciler.ruled=return",
        "files.put=return", "memberships.taken=return";
    Restore: "drift.sighted=return", "drift.recorded=return", "files.noted=return";
    Remove: "drift.sighted=return", "drift.recorded=return", "files.put=return";
    Group: "groups.noted=return", "groups.made=return";
    Holder: "memberships.taken=return", "memberships.forgotten=return",
        "processes.asked=return";
    // Killed once more while it makes up for what it missed.
    Start: "engine.committed=return", "sessions.over=return", "reconciler.ruled=return",
        "files.noted=return", "files.put=return", "memberships.taken=return",
        "reconciler.done=return";
};

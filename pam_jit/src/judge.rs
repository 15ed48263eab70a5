//! From who is there to whether they are let by.

use crate::arguments::Arguments;
use crate::directory::{Account, Directory};
use crate::gate::{Gate, Question};
use crate::managed::{Standing, standing};
use crate::person::{NoUser, Person, Situation, people};
use crate::syslog::Severity;
use crate::text::{Reader, Refusal, lines};
use crate::verdict::{Stage, Verdict};

/// What was decided, and who is told what about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// For the person, a line each.
    pub(crate) told: Vec<String>,
    pub(crate) logged: Vec<(Severity, String)>,
}

/// Decides one call. Everybody whom it is about must be let by. Root is, before
/// anything is looked up or asked.
pub(crate) fn judge(
    situation: &Situation<'_>,
    arguments: &Arguments,
    directory: &impl Directory,
    gate: &impl Gate,
) -> Judgement {
    let mut judgement = Judgement {
        verdict: Verdict::LetBy,
        told: Vec::new(),
        logged: Vec::new(),
    };
    match people(situation) {
        Err(NoUser) => {
            judgement.verdict = Verdict::NoUser;
            let text = "refused: the program named no user".to_owned();
            judgement.logged.push((Severity::Error, text));
        }
        Ok(people) => {
            let court = Court {
                situation,
                arguments,
                directory,
                gate,
            };
            court.hear(&people, &mut judgement);
        }
    }
    judgement
}

impl Judgement {
    fn note(&mut self, text: &str) {
        self.logged.push((Severity::Debug, text.to_owned()));
    }
}

/// What a decision depends on.
struct Court<'a, D, G> {
    situation: &'a Situation<'a>,
    arguments: &'a Arguments,
    directory: &'a D,
    gate: &'a G,
}

/// A person as far as the host knows them.
struct Subject {
    uid: u32,
    account: Option<Account>,
    /// Whether it is them, rather than someone who says so.
    proven: bool,
}

impl Subject {
    fn name(&self) -> String {
        match &self.account {
            Some(account) => account.name.clone(),
            None => format!("uid {}", self.uid),
        }
    }
}

impl<D: Directory, G: Gate> Court<'_, D, G> {
    fn hear(&self, people: &[Person<'_>], judgement: &mut Judgement) {
        if people.is_empty() {
            judgement.note("root: let by");
        }
        let mut heard = Vec::new();
        let mut registered = false;
        for person in people {
            let subject = match self.identify(*person, judgement) {
                Identified::Subject(subject) => subject,
                Identified::Nobody => {
                    judgement.verdict = Verdict::NotOurs;
                    continue;
                }
                Identified::Unclear(name, why) => {
                    let proven = self.is_proven(*person);
                    return self.refuse(
                        &name,
                        &name,
                        proven,
                        &Refusal::UnknownPerson(why),
                        judgement,
                    );
                }
            };
            if subject.uid == 0 || heard.contains(&subject.uid) {
                continue;
            }
            heard.push(subject.uid);
            match self.admit(&subject, judgement) {
                Ok(admitted) => registered |= admitted == Admitted::ByJitd,
                Err(refusal) => {
                    let name = subject.name();
                    let in_full = format!("{name} (uid {})", subject.uid);
                    return self.refuse(&name, &in_full, subject.proven, &refusal, judgement);
                }
            }
        }
        if self.situation.place.left.is_some() && !registered {
            self.follow(judgement);
        }
    }

    /// Whoever became somebody else in a session, root say, needs no elevation of their own; but
    /// what they open there ends with it.
    fn follow(&self, judgement: &mut Judgement) {
        let root = Subject {
            uid: 0,
            account: None,
            proven: true,
        };
        match self.ask(&root, "root") {
            Ok(()) => judgement.note("goes on in the session that it was opened in"),
            Err(refusal) => {
                self.refuse(
                    "root",
                    "what was opened in a session",
                    true,
                    &refusal,
                    judgement,
                );
            }
        }
    }

    /// In the auth stage, a name is somebody's claim until a module after us has
    /// checked it. The real uid is always the kernel's word.
    fn is_proven(&self, person: Person<'_>) -> bool {
        matches!(person, Person::Caller(_)) || self.situation.stage != Stage::Auth
    }

    fn identify(&self, person: Person<'_>, judgement: &mut Judgement) -> Identified {
        let proven = self.is_proven(person);
        match person {
            Person::Caller(uid) => {
                let account = self.directory.account_of_uid(uid).unwrap_or_else(|error| {
                    let text = format!("uid {uid} can't be looked up ({}): managed", error.desc());
                    judgement.logged.push((Severity::Error, text));
                    None
                });
                Identified::Subject(Subject {
                    uid,
                    account,
                    proven,
                })
            }
            // What was not UTF-8 has this in its place. There may be an account
            // with the original name, so it is not the same as an absent one.
            Person::Named(name) if name.contains(char::REPLACEMENT_CHARACTER) => {
                Identified::Unclear(name.to_owned(), "the user name is not UTF-8".to_owned())
            }
            Person::Named(name) => match self.directory.account_named(name) {
                Ok(Some(account)) => Identified::Subject(Subject {
                    uid: account.uid,
                    account: Some(account),
                    proven,
                }),
                Ok(None) => Identified::Nobody,
                Err(error) => Identified::Unclear(
                    name.to_owned(),
                    format!("the account can't be looked up ({})", error.desc()),
                ),
            },
        }
    }

    /// Lets somebody by who is not managed, or to whom jitd says the service is open.
    fn admit(&self, subject: &Subject, judgement: &mut Judgement) -> Result<Admitted, Refusal> {
        let who = format!("{} (uid {})", subject.name(), subject.uid);
        // A uid without an account has no groups that could be looked up: it errs closed.
        if let Some(account) = &subject.account {
            let mut complaints = Vec::new();
            let standing = standing(account, self.arguments, self.directory, &mut complaints);
            let complaints = complaints.into_iter().map(|text| (Severity::Error, text));
            judgement.logged.extend(complaints);
            if standing == Standing::Free {
                judgement.note(&format!("{who} let by: not managed"));
                return Ok(Admitted::AsFree);
            }
        }
        self.ask(subject, &subject.name())?;
        judgement.note(&format!("{who} let by: an elevation is active"));
        Ok(Admitted::ByJitd)
    }

    /// In the session stage, jitd holds together what is opened from now on.
    fn ask(&self, subject: &Subject, name: &str) -> Result<(), Refusal> {
        let question = Question {
            uid: subject.uid,
            name,
            service: self.situation.service,
            place: self.situation.place,
            opens: self.situation.stage == Stage::Session,
        };
        let answer = self.gate.ask(&question, self.arguments.timeout);
        let answer = answer.map_err(Refusal::NoAnswer)?;
        if answer.allowed {
            Ok(())
        } else {
            Err(Refusal::Closed(answer))
        }
    }

    fn refuse(
        &self,
        name: &str,
        in_full: &str,
        proven: bool,
        refusal: &Refusal,
        judgement: &mut Judgement,
    ) {
        let reader = if proven {
            Reader::Proven(name)
        } else {
            Reader::Claimed
        };
        judgement.verdict = Verdict::Refused;
        judgement.told = lines(self.situation.service, reader, refusal);
        let text = format!("{in_full} refused: {refusal}");
        judgement.logged.push((Severity::Notice, text));
    }
}

/// Why somebody is let by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admitted {
    /// They are not managed.
    AsFree,
    /// jitd says so.
    ByJitd,
}

/// Who a person is.
enum Identified {
    Subject(Subject),
    /// There is no such account.
    Nobody,
    /// This name, and why it does not say who that is.
    Unclear(String, String),
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::ffi::CStr;
    use std::time::Duration;

    use jitd_api::GateAnswer;

    use super::*;
    use crate::directory::fake::Host;
    use crate::gate::{Failure, Place};

    /// A jitd that opens things to some uids, and remembers whom it was asked about.
    struct Jitd {
        opens_to: &'static [u32],
        asked: RefCell<Vec<u32>>,
        opened: Cell<bool>,
    }

    impl Gate for Jitd {
        fn ask(&self, question: &Question<'_>, _: Duration) -> Result<GateAnswer, Failure> {
            self.asked.borrow_mut().push(question.uid);
            self.opened.set(self.opened.get() || question.opens);
            Ok(GateAnswer {
                allowed: self.opens_to.contains(&question.uid),
                roles: Some(vec!["deploy".to_owned()]),
                ..GateAnswer::default()
            })
        }
    }

    /// A host on which everything is broken, or must not be looked at.
    struct Untouchable;

    impl Directory for Untouchable {
        fn account_of_uid(&self, _: u32) -> Result<Option<Account>, nix::errno::Errno> {
            panic!("looked up")
        }
        fn account_named(&self, _: &str) -> Result<Option<Account>, nix::errno::Errno> {
            panic!("looked up")
        }
        fn name_of_group(&self, _: u32) -> Result<Option<String>, nix::errno::Errno> {
            unreachable!()
        }
        fn gids_of_group(
            &self,
            _: &str,
        ) -> Result<std::collections::BTreeSet<u32>, nix::errno::Errno> {
            panic!("looked up")
        }
        fn gids_of(&self, _: &Account) -> Result<Vec<u32>, nix::errno::Errno> {
            panic!("looked up")
        }
    }

    impl Gate for Untouchable {
        fn ask(&self, _: &Question<'_>, _: Duration) -> Result<GateAnswer, Failure> {
            panic!("asked")
        }
    }

    fn at<'a>(stage: Stage, service: &'a str, real_uid: u32, user: &'a str) -> Situation<'a> {
        Situation {
            service,
            real_uid,
            pam_user: Some(user),
            pam_ruser: None,
            stage,
            place: Place::default(),
        }
    }

    /// The verdict with `managed_group=contractors`, and whom jitd was asked about.
    fn verdict(
        host: &Host,
        opens_to: &'static [u32],
        situation: Situation<'_>,
    ) -> (Judgement, Vec<u32>) {
        let line: &[&CStr] = &[c"managed_group=contractors"];
        let jitd = Jitd {
            opens_to,
            asked: RefCell::default(),
            opened: Cell::default(),
        };
        let judgement = judge(&situation, &Arguments::parse(line), host, &jitd);
        (judgement, jitd.asked.into_inner())
    }

    #[test]
    fn root_is_let_by_before_any_look_up() {
        let arguments = Arguments::parse(&[]);
        for situation in [
            at(Stage::Account, "sudo", 0, "root"),
            at(Stage::Auth, "sshd", 0, "root"),
            at(Stage::Account, "su", 0, "carol"),
        ] {
            let judgement = judge(&situation, &arguments, &Untouchable, &Untouchable);
            assert_eq!(judgement.verdict, Verdict::LetBy);
        }
    }

    #[test]
    fn another_name_of_root_is_root() {
        let (judgement, asked) = verdict(&Host::new(), &[], at(Stage::Account, "sshd", 0, "toor"));
        assert_eq!((judgement.verdict, asked), (Verdict::LetBy, vec![]));
    }

    #[test]
    fn who_is_not_managed_is_let_by_without_a_question() {
        let (judgement, asked) =
            verdict(&Host::new(), &[], at(Stage::Account, "sudo", 1002, "alice"));
        assert_eq!((judgement.verdict, asked), (Verdict::LetBy, vec![]));
        assert!(judgement.told.is_empty());
    }

    #[test]
    fn who_is_managed_needs_an_elevation() {
        let sudo = at(Stage::Account, "sudo", 1001, "carol");
        let (judgement, asked) = verdict(&Host::new(), &[], sudo);
        assert_eq!((judgement.verdict, asked), (Verdict::Refused, vec![1001]));
        assert_eq!(
            judgement.told,
            [
                "jitd: sudo is not open to carol: no active elevation.",
                "jitd: To ask for it: jitctl request deploy --reason \"...\"",
            ]
        );
        assert_eq!(
            judgement.logged,
            [(
                Severity::Notice,
                "carol (uid 1001) refused: no active elevation".to_owned()
            )]
        );

        let (judgement, asked) = verdict(&Host::new(), &[1001], sudo);
        assert_eq!((judgement.verdict, asked), (Verdict::LetBy, vec![1001]));
        assert!(judgement.told.is_empty());
    }

    #[test]
    fn su_is_about_its_caller() {
        let su = at(Stage::Auth, "su", 1001, "root");
        assert_eq!(verdict(&Host::new(), &[], su).0.verdict, Verdict::Refused);
    }

    #[test]
    fn no_answer_is_a_refusal() {
        struct Broken;
        impl Gate for Broken {
            fn ask(&self, _: &Question<'_>, _: Duration) -> Result<GateAnswer, Failure> {
                Err(Failure::NotRunning)
            }
        }
        let situation = at(Stage::Account, "sudo", 1001, "carol");
        let judgement = judge(&situation, &Arguments::parse(&[]), &Host::new(), &Broken);
        assert_eq!(judgement.verdict, Verdict::Refused);
    }

    #[test]
    fn a_claim_is_refused_without_details_and_a_login_with_them() {
        let (claim, _) = verdict(&Host::new(), &[], at(Stage::Auth, "sshd", 0, "carol"));
        assert_eq!(claim.verdict, Verdict::Refused);
        assert!(!claim.told.concat().contains("deploy"));
        let (login, _) = verdict(&Host::new(), &[], at(Stage::Account, "sshd", 0, "carol"));
        assert_eq!(login.verdict, Verdict::Refused);
        assert!(login.told.concat().contains("jitctl request deploy"));
    }

    #[test]
    fn an_unknown_name_is_not_ours_and_a_broken_look_up_is_refused() {
        for stage in [Stage::Auth, Stage::Account] {
            let nobody = at(stage, "sshd", 0, "mallory");
            let (judgement, asked) = verdict(&Host::new(), &[], nobody);
            assert_eq!((judgement.verdict, asked), (Verdict::NotOurs, vec![]));

            let broken = Host {
                accounts_broken: true,
                ..Host::new()
            };
            assert_eq!(verdict(&broken, &[], nobody).0.verdict, Verdict::Refused);
            let garbled = at(stage, "sshd", 0, "car\u{fffd}l");
            assert_eq!(
                verdict(&Host::new(), &[], garbled).0.verdict,
                Verdict::Refused
            );
        }
    }

    #[test]
    fn a_uid_without_an_account_is_managed() {
        let broken = Host {
            accounts_broken: true,
            ..Host::new()
        };
        for (host, uid) in [(Host::new(), 4242), (broken, 1002)] {
            let (judgement, asked) = verdict(&host, &[], at(Stage::Account, "sudo", uid, "x"));
            assert_eq!((judgement.verdict, asked), (Verdict::Refused, vec![uid]));
        }
    }

    #[test]
    fn everybody_a_call_is_about_must_be_let_by() {
        let console = at(Stage::Account, "cockpit", 1002, "carol");
        assert_eq!(
            verdict(&Host::new(), &[], console).0.verdict,
            Verdict::Refused
        );
        assert_eq!(
            verdict(&Host::new(), &[1001], console).0.verdict,
            Verdict::LetBy
        );
        let helper = at(Stage::Account, "polkit-1", 1001, "alice");
        assert_eq!(
            verdict(&Host::new(), &[], helper).0.verdict,
            Verdict::Refused
        );
        let herself = at(Stage::Account, "doas", 1001, "carol");
        assert_eq!(
            verdict(&Host::new(), &[1001], herself).1,
            [1001],
            "asked once"
        );
    }

    #[test]
    fn nobody_named_is_refused() {
        let situation = Situation {
            pam_user: None,
            ..at(Stage::Account, "login", 0, "")
        };
        let judgement = judge(
            &situation,
            &Arguments::parse(&[]),
            &Untouchable,
            &Untouchable,
        );
        assert_eq!(judgement.verdict, Verdict::NoUser);
    }
    #[test]
    fn a_session_is_opened_with_jitd_in_its_own_stage_only() {
        for (stage, opens) in [
            (Stage::Auth, false),
            (Stage::Account, false),
            (Stage::Session, true),
        ] {
            let jitd = Jitd {
                opens_to: &[1001],
                asked: RefCell::default(),
                opened: Cell::default(),
            };
            let line: &[&CStr] = &[c"managed_group=contractors"];
            let situation = at(stage, "sudo", 1001, "carol");
            let judgement = judge(&situation, &Arguments::parse(line), &Host::new(), &jitd);
            assert_eq!(judgement.verdict, Verdict::LetBy);
            assert_eq!(jitd.opened.get(), opens, "{stage}");
        }
    }

    #[test]
    fn what_left_a_session_is_followed() {
        let situation = |uid, user| Situation {
            place: Place {
                left: Some(7),
                ..Place::default()
            },
            ..at(Stage::Session, "su", uid, user)
        };
        // Root, alice who is not managed, and carol who is.
        for (uid, user, whom) in [(0, "root", 0), (1002, "alice", 0), (1001, "carol", 1001)] {
            let (judgement, asked) = verdict(&Host::new(), &[0, 1001], situation(uid, user));
            assert_eq!((judgement.verdict, asked), (Verdict::LetBy, vec![whom]));
        }
        let (judgement, asked) = verdict(&Host::new(), &[], situation(0, "root"));
        assert_eq!((judgement.verdict, asked), (Verdict::Refused, vec![0]));
        assert!(!judgement.told.is_empty());
    }
}

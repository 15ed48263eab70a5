//! The gate's lines in the file of one service: where they must stand so that they are reached
//! whatever other modules answer, and change nothing for those whom they let by.

use super::block;
use super::plan::PlanError;
use super::services::is_of_sudo;
use crate::pam::Stage;
use crate::pam::folder::{Files, OTHER, PAM_DIR, pam_path};
use crate::pam::judge::{Gap, Judge};
use crate::pam::line::{self, LONGEST, Reader};
use crate::pam::stack::{self, Broken, Service, Stacks};

/// How libpam takes what we say. Plainly; or so that letting somebody by does not count as a yes
/// where every other module may have left the answer to others.
const CONTROLS: [&str; 2] = ["required ", "[success=ignore ignore=ignore default=bad]"];

/// What is made of one service.
pub(super) struct Gate<'a> {
    service: &'a str,
    path: String,
    /// The host's files, without our lines in this one.
    files: &'a Files,
    groups: &'a [String],
    arguments: &'a str,
    /// What the service means to libpam, by reader.
    before: Vec<(Reader, Service)>,
}

impl<'a> Gate<'a> {
    /// # Errors
    /// libpam can't use the service, or nobody can say what it does.
    pub(super) fn new(
        service: &'a str,
        files: &'a Files,
        groups: &'a [String],
        arguments: &'a str,
    ) -> Result<Self, PlanError> {
        let load = |reader| match stack::load(files, service, reader) {
            // libpam refuses everybody: nothing is open.
            Err(Broken::Nowhere) => Ok((reader, Service::default())),
            loaded => loaded.map(|loaded| (reader, loaded)),
        };
        let before: Result<_, Broken> = Reader::ALL.into_iter().map(load).collect();
        let path = pam_path(service);
        let before = before.map_err(|why| match files.get(&path) {
            Some(content) if has_dos_ends(content) => PlanError::LineEnds(path.clone()),
            _ => PlanError::Broken {
                service: service.to_owned(),
                why,
            },
        })?;
        Ok(Self {
            service,
            path,
            files,
            groups,
            arguments,
            before,
        })
    }

    /// The content of the service's file in /etc; nothing where it needs no line of ours.
    ///
    /// # Errors
    /// The lines can't be put anywhere so that they do what they should.
    pub(super) fn content(&self) -> Result<Option<Vec<u8>>, PlanError> {
        let open = |stage: &Stage| self.gap_before(*stage).is_some();
        let open: Vec<_> = Stage::ALL.into_iter().filter(open).collect();
        if open.is_empty() {
            return Ok(None);
        }
        self.may_be_written()?;
        let base = match self.files.get(&self.path) {
            Some(content) => content.to_vec(),
            None => self.in_place_of_vendor()?,
        };
        let base = self.with_gate(base, &open)?;
        let content = if open.contains(&Stage::Session) {
            self.with_sessions(&base)?
        } else {
            base
        };
        Ok(Some(content))
    }

    fn may_be_written(&self) -> Result<(), PlanError> {
        if let Some(target) = self.files.links.get(&self.path) {
            return Err(PlanError::Link {
                path: self.path.clone(),
                target: target.clone(),
            });
        }
        match self.files.get(&self.path) {
            Some(content) if has_dos_ends(content) => Err(PlanError::LineEnds(self.path.clone())),
            _ => Ok(()),
        }
    }

    /// A file in /etc hides that of the vendor: what it says is included.
    fn in_place_of_vendor(&self) -> Result<Vec<u8>, PlanError> {
        let mut lines = String::new();
        if let Some(path) = self.files.of_service(self.service) {
            for stage in Stage::ALL {
                if self.says(&path, stage)? {
                    lines.push_str(&including(stage, &format!("/{path}")));
                }
            }
        }
        Ok(lines.into_bytes())
    }

    fn says(&self, path: &str, stage: Stage) -> Result<bool, PlanError> {
        let mut says = false;
        for reader in Reader::ALL {
            let stacks: Stacks =
                stack::of_file(self.files, path, reader).map_err(|why| PlanError::Broken {
                    service: self.service.to_owned(),
                    why,
                })?;
            says |= stacks.get(&stage).is_some_and(|stack| !stack.is_empty());
        }
        Ok(says)
    }

    /// Before all others: who is refused is asked for no password.
    fn with_gate(&self, base: Vec<u8>, open: &[Stage]) -> Result<Vec<u8>, PlanError> {
        let stages = [Stage::Auth, Stage::Account];
        let stages: Vec<_> = stages.into_iter().filter(|it| open.contains(it)).collect();
        if stages.is_empty() {
            return Ok(base);
        }
        let mut why = None;
        for control in CONTROLS {
            let mut body = String::new();
            for stage in &stages {
                let control = match stage {
                    Stage::Auth => "requisite",
                    _ => control,
                };
                body.push_str(&self.line(*stage, control)?);
                body.push_str(&self.rest(*stage));
            }
            let content = block::insert_at_top(&base, &block::wrap(block::BEGIN, &body));
            match self.flaw(&content, &stages) {
                None => return Ok(content),
                Some(flaw) => why = why.or(Some(flaw)),
            }
        }
        Err(self.refusal(why))
    }

    /// After all others, where they let us: `pam_systemd`, where it comes later, would take the
    /// session away from jitd. But before what may end the stage.
    fn with_sessions(&self, base: &[u8]) -> Result<Vec<u8>, PlanError> {
        let mut why = None;
        let rest = self.rest(Stage::Session);
        for at in places(base) {
            for control in CONTROLS {
                let ours = self.line(Stage::Session, control)?;
                let bodies = [format!("{rest}{ours}"), format!("{ours}{rest}")];
                for body in &bodies[..if rest.is_empty() { 1 } else { 2 }] {
                    let content = match at {
                        Some(at) => block::insert(base, at, &block::wrap(block::BEGIN, body)),
                        None => block::append(base, body),
                    };
                    match self.flaw(&content, &[Stage::Session]) {
                        None => return Ok(content),
                        Some(flaw) => why = why.or(Some(flaw)),
                    }
                }
            }
        }
        Err(self.refusal(why))
    }

    /// A line of ours.
    fn line(&self, stage: Stage, control: &str) -> Result<String, PlanError> {
        let line = format!(
            "{:<8} {control} pam_jit.so{}\n",
            stage.as_str(),
            self.arguments
        );
        if line.len() > LONGEST {
            return Err(PlanError::TooLong(line.len()));
        }
        Ok(line)
    }

    /// What libpam would have done without a line of the file's own, which ours would end.
    fn rest(&self, stage: Stage) -> String {
        let from_other = |(_, service): &(Reader, Service)| !service.has_own(stage);
        if !self.before.iter().all(from_other) {
            return String::new();
        }
        match self.files.of_service(OTHER) {
            Some(path) if path.starts_with(PAM_DIR) => including(stage, OTHER),
            Some(path) => including(stage, &format!("/{path}")),
            None => String::new(),
        }
    }

    fn gap_before(&self, stage: Stage) -> Option<Gap> {
        let mut stacks = self.before.iter();
        stacks.find_map(|(_, service)| self.gap(stage, service))
    }

    fn gap(&self, stage: Stage, service: &Service) -> Option<Gap> {
        // Nobody gets in by a new password.
        if stage == Stage::Password {
            return None;
        }
        let stack = service.stage(stage);
        let mut groups = self.groups.chunks(1);
        groups.find_map(|group| self.judge(stage, group).gap(stack))
    }

    fn judge<'b>(&self, stage: Stage, groups: &'b [String]) -> Judge<'b> {
        Judge {
            stage,
            of_sudo: is_of_sudo(self.service),
            groups,
        }
    }

    /// What is wrong with a content: a gap in one of these stages, or another meaning of any.
    fn flaw(&self, content: &[u8], gated: &[Stage]) -> Option<Flaw> {
        let mut files = self.files.clone();
        files.set(&self.path, Some(content));
        for (reader, before) in &self.before {
            let after = match stack::load(&files, self.service, *reader) {
                Ok(after) => after,
                Err(why) => return Some(Flaw::Broken(why)),
            };
            for stage in Stage::ALL {
                if gated.contains(&stage)
                    && let Some(gap) = self.gap(stage, &after)
                {
                    return Some(Flaw::Gap(stage, self.without_ours(gap, content)));
                }
                let judge = self.judge(stage, self.groups);
                match judge.is_as_before(before.stage(stage), after.stage(stage)) {
                    Ok(true) => {}
                    Ok(false) => return Some(Flaw::Meaning(stage)),
                    Err(gap) => return Some(Flaw::Gap(stage, gap)),
                }
            }
        }
        None
    }

    /// With the line's number in the file as it is, without what would be put in.
    fn without_ours(&self, mut gap: Gap, content: &[u8]) -> Gap {
        if let Gap::Skipped(Some(place)) | Gap::TakenAway(place) = &mut gap
            && place.path == self.path
        {
            let before = block::lines(content).take(place.line).collect::<Vec<_>>();
            if let Ok(stripped) = block::strip(&before.concat()) {
                place.line = block::lines(&stripped.rest).count();
            }
        }
        gap
    }

    fn refusal(&self, flaw: Option<Flaw>) -> PlanError {
        let path = self.path.clone();
        match flaw {
            Some(Flaw::Gap(stage, gap)) => PlanError::Gap { path, stage, gap },
            Some(Flaw::Meaning(stage)) => PlanError::Meaning { path, stage },
            Some(Flaw::Broken(why)) => PlanError::Broken {
                service: self.service.to_owned(),
                why,
            },
            // There is always a place, the very top at least.
            None => PlanError::Meaning {
                path,
                stage: Stage::Session,
            },
        }
    }
}

enum Flaw {
    Gap(Stage, Gap),
    Meaning(Stage),
    Broken(Broken),
}

/// Whether a line that says something ends in CR LF.
fn has_dos_ends(content: &[u8]) -> bool {
    Reader::ALL.into_iter().any(|reader| {
        let (lines, _) = line::lines(content, reader);
        let mut lines = lines.iter();
        lines.any(|line| line.text.ends_with(b"\r\n") || line.text.ends_with(b"\r"))
    })
}

fn including(stage: Stage, target: &str) -> String {
    format!("{:<8} include   {target}\n", stage.as_str())
}

/// Where a line may be put: at the end, which is none, then before each line, from the last to
/// the first. In no line that goes on, whoever reads it.
fn places(content: &[u8]) -> impl Iterator<Item = Option<usize>> {
    let [old, new] = Reader::ALL.map(|reader| line::lines(content, reader).0);
    let mut starts: Vec<_> = old.iter().map(|line| line.span.0).collect();
    starts.retain(|at| {
        let within = |line: &line::Line| line.span.0 < *at && *at < line.span.1;
        let starts_a_line = *at == 0 || content.get(*at - 1) == Some(&b'\n');
        starts_a_line && !new.iter().any(within)
    });
    std::iter::once(None).chain(starts.into_iter().rev().map(Some))
}

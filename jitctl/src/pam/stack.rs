//! From files to stacks: what libpam has in memory before it asks the first module.

use std::collections::BTreeMap;

use super::Stage;
use super::control::Actions;
use super::folder::{Files, OTHER};
use super::line::{self, Line, Reader, Unfinished, words};

/// libpam's bound for files in files and for stacks in stacks.
const DEEPEST: usize = 16;
/// Nobody has more lines; files that include others many times over would.
const MOST: usize = 4096;

/// What a place in a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A module that is asked.
    Module,
    /// A line that libpam can't use: it fails.
    MustFail,
    /// Where a stack within the stack begins. It is not asked, and counts as one in a jump.
    Substack,
}

/// A place in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// What it is.
    pub kind: Kind,
    /// In how many stacks within stacks it is.
    pub level: usize,
    /// What is done about its answers.
    pub actions: Actions,
    /// The module as it is written.
    pub module: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

impl Handler {
    /// The file name of the module.
    #[must_use]
    pub fn name(&self) -> &str {
        self.module.rsplit('/').next().unwrap_or_default()
    }

    /// Whether two are the same to libpam, wherever they are written.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.level == other.level
            && self.actions == other.actions
            && self.module == other.module
            && self.arguments == other.arguments
    }
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, below the root.
    pub path: String,
    /// Its number, from 1.
    pub line: usize,
    /// The line, its words with one blank between.
    pub text: String,
}

/// The stacks of a file, by stage.
pub type Stacks = BTreeMap<Stage, Vec<Handler>>;

/// What libpam knows of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    own: Stacks,
    other: Stacks,
}

impl Service {
    /// The stack of a stage: the service's own, or that of `other` where it has none.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> &[Handler] {
        let own = self.own.get(&stage).filter(|stack| !stack.is_empty());
        own.or_else(|| self.other.get(&stage))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the service has a stack of its own for it.
    #[must_use]
    pub fn has_own(&self, stage: Stage) -> bool {
        self.own.get(&stage).is_some_and(|stack| !stack.is_empty())
    }
}

/// Why libpam refuses everybody in a service, or why nobody can say what it does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line that never ends, or is too long.
    #[error("/{0} ends within a line, or has one that is longer than {longest} bytes", longest = line::LONGEST)]
    Unfinished(String),
    /// Bytes that no line can have.
    #[error("/{0} has NUL bytes in it")]
    Nul(String),
    /// It includes what is not there.
    #[error("/{path} line {line} includes {target:?}, which is not there")]
    Missing {
        /// The file.
        path: String,
        /// Its line.
        line: usize,
        /// What it includes.
        target: String,
    },
    /// What libpam does then is whatever its stack happens to hold.
    #[error(
        "/{path} line {line} includes {target:?}, which is not there or can't be read: what libpam makes of that is not defined"
    )]
    Undefined {
        /// The file.
        path: String,
        /// Its line.
        line: usize,
        /// What it includes.
        target: String,
    },
    /// It includes itself, or too much.
    #[error("/{0} includes itself, or others too deep")]
    Endless(String),
    /// It may not be read.
    #[error("/{0} may not be read")]
    Closed(String),
    /// There is no file to go by.
    #[error("there is no file of this service, and none of {OTHER:?}")]
    Nowhere,
}

/// The stacks of a service.
///
/// # Errors
/// [`Broken`].
pub fn load(files: &Files, service: &str, reader: Reader) -> Result<Service, Broken> {
    let mut loaded = Service::default();
    let paths = [files.of_service(service), files.of_service(OTHER)];
    if paths == [None, None] {
        return Err(Broken::Nowhere);
    }
    for (path, stacks) in paths.into_iter().zip([&mut loaded.own, &mut loaded.other]) {
        if let Some(path) = path {
            Loading::new(files, reader, stacks).file(&path, None, 0)?;
        }
    }
    Ok(loaded)
}

/// The same of one file alone.
///
/// # Errors
/// [`Broken`].
pub fn of_file(files: &Files, path: &str, reader: Reader) -> Result<Stacks, Broken> {
    let mut stacks = Stacks::new();
    Loading::new(files, reader, &mut stacks).file(path, None, 0)?;
    Ok(stacks)
}

struct Loading<'a> {
    files: &'a Files,
    reader: Reader,
    stacks: &'a mut Stacks,
    /// The files that are being read, the outermost first.
    open: Vec<String>,
    number: usize,
}

/// What a line says.
struct Said {
    /// None: of every stage.
    stage: Option<Stage>,
    usable: bool,
    /// In its first column; an `@include` does not.
    names_stage: bool,
    control: Control,
    target: Option<String>,
    arguments: Vec<String>,
}

enum Control {
    Actions(Box<Actions>),
    Include,
    Substack,
}

impl<'a> Loading<'a> {
    const fn new(files: &'a Files, reader: Reader, stacks: &'a mut Stacks) -> Self {
        Self {
            files,
            reader,
            stacks,
            open: Vec::new(),
            number: 0,
        }
    }

    /// Takes the lines of one stage, or of all.
    fn file(&mut self, path: &str, wanted: Option<Stage>, level: usize) -> Result<(), Broken> {
        let broken = |how: fn(String) -> Broken| how(path.to_owned());
        if self.open.iter().any(|open| open == path) || self.open.len() >= DEEPEST {
            return Err(broken(Broken::Endless));
        }
        let Some(content) = self.files.get(path) else {
            return Err(broken(Broken::Closed));
        };
        if content.contains(&0) {
            return Err(broken(Broken::Nul));
        }
        let (lines, whole) = line::lines(content, self.reader);
        self.open.push(path.to_owned());
        let read = lines.iter().try_for_each(|line| {
            let place = place(path, content, line);
            self.line(&words(&line.text), wanted, level, place)
        });
        self.open.pop();
        read?;
        whole.map_err(|Unfinished| broken(Broken::Unfinished))
    }

    fn line(
        &mut self,
        words: &[String],
        wanted: Option<Stage>,
        level: usize,
        place: Place,
    ) -> Result<(), Broken> {
        let said = said(
            words,
            wanted,
            self.files.flavour == super::folder::Flavour::Debian,
        );
        if wanted.is_some() && said.stage != wanted {
            return Ok(());
        }
        let inner = match said.control {
            Control::Actions(actions) => {
                let kind = if said.usable && said.target.is_some() {
                    Kind::Module
                } else {
                    Kind::MustFail
                };
                return self.add(
                    said.stage,
                    Handler {
                        kind,
                        level,
                        actions: *actions,
                        module: said.target.unwrap_or_default(),
                        arguments: said.arguments,
                        place,
                    },
                );
            }
            Control::Include => level,
            Control::Substack => {
                self.add(
                    said.stage,
                    Handler {
                        kind: Kind::Substack,
                        level,
                        actions: Actions::bad(),
                        module: said.target.clone().unwrap_or_default(),
                        arguments: Vec::new(),
                        place: place.clone(),
                    },
                )?;
                level + 1
            }
        };
        // Debian's libpam ends in a segmentation fault where there is nothing to include.
        let Some(target) = said.target else {
            return Err(Broken::Undefined {
                path: place.path,
                line: place.line,
                target: String::new(),
            });
        };
        let read = match self.files.included(&target) {
            Some(path) => self.file(&path, said.stage, inner),
            None => Err(Broken::Missing {
                path: place.path.clone(),
                line: place.line,
                target: target.clone(),
            }),
        };
        match read {
            Err(Broken::Unfinished(_) | Broken::Nul(_) | Broken::Missing { .. }) => {}
            read => return read,
        }
        if said.names_stage {
            // libpam puts a failure in its place, after what it has read.
            return self.add(
                said.stage,
                Handler {
                    kind: Kind::MustFail,
                    level,
                    actions: Actions::bad(),
                    module: target,
                    arguments: Vec::new(),
                    place,
                },
            );
        }
        match wanted {
            None => read,
            Some(_) => Err(Broken::Undefined {
                path: place.path,
                line: place.line,
                target,
            }),
        }
    }

    fn add(&mut self, stage: Option<Stage>, handler: Handler) -> Result<(), Broken> {
        self.number += 1;
        if self.number > MOST {
            return Err(Broken::Endless(handler.place.path));
        }
        // A line without a stage that libpam knows counts as the most delicate one.
        let stage = stage.unwrap_or(Stage::Auth);
        self.stacks.entry(stage).or_default().push(handler);
        Ok(())
    }
}

fn said(words: &[String], wanted: Option<Stage>, knows_at_include: bool) -> Said {
    let word = |at: usize| words.get(at).map(String::as_str);
    let first = word(0).unwrap_or_default();
    let first = first.strip_prefix('-').unwrap_or(first);
    if knows_at_include && first.eq_ignore_ascii_case("@include") {
        return Said {
            stage: wanted,
            usable: true,
            names_stage: false,
            control: Control::Include,
            target: word(1).map(str::to_owned),
            arguments: Vec::new(),
        };
    }
    let stage = Stage::of(first);
    let control = match word(1) {
        None => Control::Actions(Box::new(Actions::bad())),
        Some(word) if word.eq_ignore_ascii_case("include") => Control::Include,
        Some(word) if word.eq_ignore_ascii_case("substack") => Control::Substack,
        Some(word) => Control::Actions(Box::new(Actions::parse(word))),
    };
    Said {
        stage: stage.or(wanted).or(Some(Stage::Auth)),
        usable: stage.is_some(),
        names_stage: true,
        control,
        target: word(2).map(str::to_owned),
        arguments: words.iter().skip(3).cloned().collect(),
    }
}

fn place(path: &str, content: &[u8], line: &Line) -> Place {
    let lines = content[..line.span.0].split(|byte| *byte == b'\n');
    Place {
        path: path.to_owned(),
        line: lines.count(),
        text: String::from_utf8_lossy(&line.text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

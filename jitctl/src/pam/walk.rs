//! The walk through a stack: `_pam_dispatch_aux` of libpam, one answer at a time.

use super::control::{Action, Code};
use super::stack::{Handler, Kind};

/// What libpam thinks so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Impression {
    None,
    Good,
    Bad,
}

/// A walk that is under way, or has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Walk {
    /// The place that is asked next; behind the last one at the end.
    next: usize,
    level: usize,
    thought: (Impression, Code),
    /// What was thought when a stack within the stack began, by level.
    kept: Vec<(Impression, Code)>,
}

const NOTHING: (Impression, Code) = (Impression::None, Code::MUST_FAIL);

impl Walk {
    /// At the first module.
    #[must_use]
    pub fn begin(stack: &[Handler]) -> Self {
        let levels = stack.iter().map(|handler| handler.level).max();
        let mut walk = Self {
            next: 0,
            level: 0,
            thought: NOTHING,
            kept: vec![NOTHING; levels.unwrap_or_default() + 1],
        };
        walk.settle(stack);
        walk
    }

    /// The place that is asked next.
    #[must_use]
    pub const fn next(&self) -> usize {
        self.next
    }

    /// What the program is told, at the end.
    #[must_use]
    pub fn outcome(&self) -> Code {
        match self.thought {
            (Impression::Good, code) => code,
            (_, Code::SUCCESS) => Code::MUST_FAIL,
            (_, code) => code,
        }
    }

    /// The next module has given this answer.
    pub fn answer(&mut self, stack: &[Handler], code: Code) {
        let Some(handler) = stack.get(self.next) else {
            return;
        };
        let mut last = self.next;
        match handler.actions.of(code) {
            Action::Ignore => {}
            Action::Reset => self.thought = self.kept[handler.level],
            action @ (Action::Ok | Action::Done) => {
                if matches!(
                    self.thought,
                    (Impression::None, _) | (Impression::Good, Code::SUCCESS)
                ) {
                    self.thought = (Impression::Good, code);
                }
                if action == Action::Done && self.thought.0 == Impression::Good {
                    last = end_of_stack(stack, last);
                }
            }
            action @ (Action::Bad | Action::Die) => {
                if self.thought.0 != Impression::Bad {
                    let code = if code == Code::IGNORE {
                        Code::MUST_FAIL
                    } else {
                        code
                    };
                    self.thought = (Impression::Bad, code);
                }
                if action == Action::Die {
                    last = end_of_stack(stack, last);
                }
            }
            Action::Jump(number) => match jump(stack, last, number) {
                Ok(to) => last = to,
                Err(to) => {
                    last = to;
                    self.thought = (Impression::Bad, Code::MUST_FAIL);
                }
            },
        }
        self.level = handler.level;
        self.next = last + 1;
        self.settle(stack);
    }

    /// To the next place that is asked.
    fn settle(&mut self, stack: &[Handler]) {
        while let Some(handler) = stack.get(self.next) {
            if self.level < handler.level {
                self.kept[handler.level] = self.thought;
            }
            if handler.kind != Kind::Substack {
                break;
            }
            self.level = handler.level;
            self.next += 1;
        }
    }
}

/// The last place of the stack that this one is in.
fn end_of_stack(stack: &[Handler], from: usize) -> usize {
    let inside = |handler: &&Handler| handler.level >= stack[from].level;
    from + stack[from + 1..].iter().take_while(inside).count()
}

/// The last place that is skipped; where there are not so many, that is an error.
fn jump(stack: &[Handler], from: usize, mut number: u32) -> Result<usize, usize> {
    let level = stack[from].level;
    let level_at = |at: usize| stack.get(at).map(|handler| handler.level);
    let mut at = from;
    while number > 0 && level_at(at + 1).is_some_and(|next| next >= level) {
        at += 1;
        // A stack within the stack counts as one.
        while level_at(at + 1).is_some_and(|next| next > level) {
            at += 1;
        }
        number -= 1;
    }
    if number == 0 { Ok(at) } else { Err(at) }
}

/// What comes of a stack, each place in it answering so; and which were asked. An empty one
/// refuses.
#[must_use]
pub fn walk(stack: &[Handler], answer: impl Fn(usize) -> Code) -> (Code, Vec<usize>) {
    let mut walk = Walk::begin(stack);
    let mut asked = Vec::new();
    while walk.next() < stack.len() {
        let at = walk.next();
        asked.push(at);
        let code = match stack[at].kind {
            Kind::MustFail => Code::MUST_FAIL,
            _ => answer(at),
        };
        walk.answer(stack, code);
    }
    (walk.outcome(), asked)
}

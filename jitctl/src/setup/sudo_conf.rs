//! `Set group_source dynamic`: sudo looks groups up afresh, also for a shell that was there
//! before (sudo.conf(5)).

use super::block;
use super::plan::{PlanError, SUDO_CONF, strip};

const BODY: &str = "Set group_source dynamic\n";

/// The file as it should be.
///
/// # Errors
/// Another group source is set already, or our block is damaged.
pub(super) fn with_dynamic_groups(before: Option<&[u8]>) -> Result<Vec<u8>, PlanError> {
    let Some(content) = before else {
        return Ok(block::wrap(block::BEGIN_FILE, BODY));
    };
    let stripped = strip(SUDO_CONF, content)?;
    for (line, text) in (1..).zip(block::lines(content)) {
        // A line of our own block says dynamic, and is no obstacle.
        let text = String::from_utf8_lossy(text);
        if group_source(&text).is_some_and(|value| !value.eq_ignore_ascii_case("dynamic")) {
            return Err(PlanError::OtherGroupSource {
                line,
                text: text.trim().to_owned(),
            });
        }
    }
    let is_set = |line: &[u8]| group_source(&String::from_utf8_lossy(line)).is_some();
    if block::lines(&stripped.rest).any(is_set) {
        return Ok(stripped.rest);
    }
    let begin = if stripped.made_by_us {
        block::BEGIN_FILE
    } else {
        block::BEGIN
    };
    Ok(block::insert_at_end(
        &stripped.rest,
        &block::wrap(begin, BODY),
    ))
}

/// The value that a line of sudo.conf sets `group_source` to. sudo takes both words in any case.
fn group_source(line: &str) -> Option<String> {
    let code = line.split('#').next().unwrap_or("");
    let mut words = code.split_whitespace();
    let set = words.next()?.eq_ignore_ascii_case("set");
    let variable = words.next()?.eq_ignore_ascii_case("group_source");
    (set && variable).then(|| words.next().unwrap_or("").to_owned())
}

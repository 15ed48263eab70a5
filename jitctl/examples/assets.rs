//! Writes the manual pages and the completions of `jitctl` into a directory:
//! `cargo run -p jitctl --example assets -- OUTDIR` makes `OUTDIR/man` and `OUTDIR/completions`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use jitctl::cli::{Cli, EXIT_STATUS, examples};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(out) = std::env::args_os().nth(1) else {
        return Err("usage: assets OUTDIR".into());
    };
    let out = PathBuf::from(out);
    let mut command = Cli::command();
    command.build();
    write_manual(&command, &out.join("man"))?;
    write_completions(&out.join("completions"))
}

fn write_manual(command: &Command, directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    write_pages(command, &[], directory)
}

/// The page of a command, and those of its subcommands; `path` is what stands before its name.
fn write_pages(command: &Command, path: &[&str], directory: &Path) -> Result<(), Box<dyn Error>> {
    let path = [path, &[command.get_name()]].concat();
    let title = path.join("-");
    let above = (1..path.len()).map(|length| path[..length].join("-"));
    let names = command.get_subcommands().map(Command::get_name);
    let below = names.map(|name| format!("{title}-{name}"));
    let key = match path.as_slice() {
        [program] => (*program).to_owned(),
        [_, rest @ ..] => rest.join(" "),
        [] => return Err("a command has a name".into()),
    };
    let text = page(command, &key, &title, above.chain(below).collect())?;
    fs::write(directory.join(format!("{title}.1")), text)?;
    for subcommand in command.get_subcommands() {
        write_pages(subcommand, &path, directory)?;
    }
    Ok(())
}

/// Each rendered section brings the same preamble; once is enough.
fn without_repetition(page: &str) -> String {
    let preamble = |line: &str| line.starts_with(".ie ") || line.starts_with(".el ");
    let (first, rest): (Vec<_>, Vec<_>) = page.lines().partition(|line| preamble(line));
    let once = first.into_iter().take(2);
    once.chain(rest).flat_map(|line| [line, "\n"]).collect()
}

fn page(
    command: &Command,
    name: &str,
    title: &str,
    see_also: Vec<String>,
) -> Result<String, Box<dyn Error>> {
    let version = env!("CARGO_PKG_VERSION");
    // The heading is "jitctl-request", the synopsis "jitctl request ROLE".
    let command = command
        .clone()
        .display_name(title.to_owned())
        .after_help("")
        .version(version);
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    let heading = title.to_uppercase();
    writeln!(
        page,
        ".TH \"{heading}\" \"1\" \"\" \"jitd {version}\" \"User Commands\""
    )?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    write_exit_status(&mut page)?;
    write_examples(&mut page, name)?;
    write_see_also(&mut page, see_also)?;
    Ok(without_repetition(&String::from_utf8(page)?))
}

fn write_exit_status(page: &mut Vec<u8>) -> std::io::Result<()> {
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    for (status, meaning) in EXIT_STATUS {
        writeln!(page, ".TP\n\\fB{status}\\fR\n{}", roff(meaning))?;
    }
    Ok(())
}

fn write_examples(page: &mut Vec<u8>, name: &str) -> std::io::Result<()> {
    writeln!(page, ".SH EXAMPLES")?;
    for (line, meaning) in examples(name) {
        writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(line), roff(meaning))?;
    }
    Ok(())
}

fn write_see_also(page: &mut Vec<u8>, mut others: Vec<String>) -> std::io::Result<()> {
    others.sort();
    let ours = others.iter().map(|name| (name.as_str(), 1));
    let rest = [("pam_jit", 8), ("sudo", 8), ("jitd", 8)];
    let all: Vec<_> = ours
        .chain(rest)
        .map(|(name, section)| format!("\\fB{}\\fR({section})", roff(name)))
        .collect();
    writeln!(page, ".SH \"SEE ALSO\"\n{}", all.join(",\n"))
}

/// Text as roff shows it as it is.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

fn write_completions(directory: &Path) -> Result<(), Box<dyn Error>> {
    for (shell, name) in [
        (Shell::Bash, "bash"),
        (Shell::Zsh, "zsh"),
        (Shell::Fish, "fish"),
    ] {
        let directory = directory.join(name);
        fs::create_dir_all(&directory)?;
        clap_complete::generate_to(shell, &mut Cli::command(), "jitctl", &directory)?;
    }
    Ok(())
}

//! Command lines and environments, as the tests of each process look at them.

use clap::{Args, Command};

/// What a process makes of its command line.
pub(crate) fn parse<F: Args>(arguments: &[&str]) -> Result<F, clap::Error> {
    let whole = ["process"].iter().chain(arguments);
    let matches = command::<F>().try_get_matches_from(whole)?;
    F::from_arg_matches(&matches)
}

/// The variable that a flag is read from.
pub(crate) fn variable<F: Args>(flag: &str) -> Option<String> {
    let command = command::<F>();
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(flag));
    let argument = argument.unwrap_or_else(|| panic!("no flag --{flag}"));
    argument
        .get_env()
        .map(|name| name.to_string_lossy().into_owned())
}

fn command<F: Args>() -> Command {
    F::augment_args(Command::new("process"))
}

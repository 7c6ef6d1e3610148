//! The same UPDATEs through several BGP codecs, timed side by side on one thread's CPU time.
//!
//! Every contestant decodes each message and counts its announced prefixes; the count is checked before anything is
//! timed. Rounds are interleaved; the table shows the median, the range, and the ratio of medians. Depths of work are
//! not ranked against each other.

mod contestants;
mod corpus;

use contestants::{CONTESTANTS, Contestant};
use cpu_time::ThreadTime;
use std::hint::black_box;
use std::process::ExitCode;

const ROUNDS: usize = 7;
/// Passes over the corpus in a round.
const PASSES: u32 = 10;

fn main() -> ExitCode {
    let mut agree = true;
    for corpus in corpus::all() {
        println!(
            "{}: {} messages of {} octets, {} prefixes each, on average",
            corpus.name,
            corpus.messages.len(),
            corpus.mean_octets(),
            corpus.prefixes / corpus.messages.len()
        );
        agree &= CONTESTANTS
            .iter()
            .all(|contestant| takes(contestant, &corpus));
        if !agree {
            continue;
        }
        let mut times: Vec<Vec<f64>> = vec![vec![]; CONTESTANTS.len()];
        for _ in 0..ROUNDS {
            for (contestant, times) in CONTESTANTS.iter().zip(&mut times) {
                times.push(round(contestant, &corpus));
            }
        }
        report(&times);
    }
    if agree {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether a contestant finds every prefix.
fn takes(contestant: &Contestant, corpus: &corpus::Corpus) -> bool {
    let counts = corpus
        .messages
        .iter()
        .map(|message| (contestant.decode)(message));
    let found: Option<usize> = counts.sum();
    if found != Some(corpus.prefixes) {
        eprintln!(
            "{}: found {found:?} of {} prefixes",
            contestant.name, corpus.prefixes
        );
    }
    found == Some(corpus.prefixes)
}

/// Nanoseconds a message.
fn round(contestant: &Contestant, corpus: &corpus::Corpus) -> f64 {
    let start = ThreadTime::now();
    for _ in 0..PASSES {
        for message in &corpus.messages {
            black_box((contestant.decode)(black_box(message)));
        }
    }
    let messages = f64::from(PASSES) * corpus.messages.len() as f64;
    start.elapsed().as_secs_f64() * 1e9 / messages
}

fn report(times: &[Vec<f64>]) {
    println!("| contestant | depth | median ns | range ns | ratio |\n|---|---|---|---|---|");
    let sorted = |times: &Vec<f64>| {
        let mut times = times.clone();
        times.sort_by(f64::total_cmp);
        times
    };
    let base = times.first().map_or(1.0, |times| sorted(times)[ROUNDS / 2]);
    for (contestant, times) in CONTESTANTS.iter().zip(times) {
        let times = sorted(times);
        let (low, median, high) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
        println!(
            "| {} | {} | {median:.0} | {low:.0}-{high:.0} | {:.2} |",
            contestant.name,
            contestant.depth,
            median / base
        );
    }
}

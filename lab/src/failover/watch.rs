//! A client that keeps asking who has some addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use arp_ndp::{Frame, MacAddr};

use super::sightings::Sightings;
use crate::question::{Asker, open};
use crate::{Host, LabError, until};

/// How often each address is asked for.
pub const INTERVAL: Duration = Duration::from_millis(20);

/// A time without answers that a station that answers alone does not let pass.
const GAP: Duration = Duration::from_millis(200);

/// Asks for addresses, by ARP or Neighbour Discovery, every [`INTERVAL`]. Dropping it ends that.
#[derive(Debug)]
pub struct Watch {
    news: Receiver<News>,
    seen: BTreeMap<IpAddr, Sightings>,
}

/// What the thread that asks has to tell.
#[derive(Clone, Copy, Debug)]
enum News {
    /// All addresses are being asked for.
    Asked(Instant),
    /// Somebody answered.
    Answered(Instant, IpAddr, MacAddr),
}

impl Watch {
    /// Asks from a machine's `eth0`.
    ///
    /// # Errors
    /// When no socket can be opened there, or there is no address to ask from.
    pub fn start(host: &Host, addresses: &[IpAddr]) -> Result<Self, LabError> {
        let (sender, news) = mpsc::channel();
        let start = || -> io::Result<()> {
            let (socket, asker) = (open("eth0")?, Asker::on("eth0")?);
            let questions = addresses.iter().map(|address| asker.question(*address));
            let questions: Vec<Frame> = questions.collect::<io::Result<_>>()?;
            thread::spawn(move || ask(socket, asker, &questions, &sender));
            Ok(())
        };
        host.namespace
            .run(start)?
            .map_err(LabError::io("asking on eth0"))?;
        let seen = addresses
            .iter()
            .map(|address| (*address, Sightings::default()));
        Ok(Self {
            news,
            seen: seen.collect(),
        })
    }

    /// What has been seen so far of each address.
    pub fn seen(&mut self) -> &BTreeMap<IpAddr, Sightings> {
        for news in self.news.try_iter() {
            match news {
                News::Asked(at) => self.seen.values_mut().for_each(|one| one.ask(at)),
                News::Answered(at, address, by) => {
                    if let Some(one) = self.seen.get_mut(&address) {
                        one.answer(at, by);
                    }
                }
            }
        }
        &self.seen
    }

    /// Waits until each address has been answered for by one station alone for `period`, and by one that is meant, and
    /// returns these stations.
    ///
    /// # Errors
    /// [`LabError::Timeout`] in words that tell who answered last.
    pub fn until_settled(
        &mut self,
        period: Duration,
        timeout: Duration,
        is_meant: impl Fn(MacAddr) -> bool,
    ) -> Result<BTreeSet<MacAddr>, LabError> {
        let start = Instant::now();
        let look = |seen: &BTreeMap<IpAddr, Sightings>| {
            let now = Instant::now();
            let since = now.checked_sub(period).filter(|since| *since >= start)?;
            let alone = seen.values().map(|one| {
                one.sole_answerer(since, now, GAP)
                    .filter(|by| is_meant(*by))
            });
            alone.collect()
        };
        let found = until("single answerer of each address", timeout, || {
            Ok(look(self.seen()))
        });
        found.map_err(|error| self.described(error, period))
    }

    /// An error with who answered in the last time.
    fn described(&mut self, error: LabError, period: Duration) -> LabError {
        if matches!(error, LabError::Interrupted) {
            return error;
        }
        let since = Instant::now().checked_sub(period);
        let since = since.unwrap_or_else(Instant::now);
        let seen = self.seen().iter();
        let lately: Vec<String> = seen
            .map(|(address, one)| format!("{address}: {:?}", one.since(since)))
            .collect();
        LabError::Unexpected(format!("{error}; who answered: {}", lately.join(", ")))
    }
}

/// Asks until nobody wants to know any more.
fn ask(mut socket: File, asker: Asker, questions: &[Frame], news: &Sender<News>) {
    let mut next = Instant::now();
    loop {
        if Instant::now() >= next {
            // A client that was held up does not make up for it.
            next = Instant::now() + INTERVAL;
            if news.send(News::Asked(Instant::now())).is_err() {
                return;
            }
            for question in questions {
                // A link that takes nothing now is asked again soon.
                let _ = socket.write_all(question.as_ref());
            }
        }
        if let Some((address, by)) = asker.listen(&mut socket) {
            let answered = News::Answered(Instant::now(), address, by);
            if news.send(answered).is_err() {
                return;
            }
        }
    }
}

//! Routes that are a changed copy of the last ones do what the same routes do that were put together anew.

use std::sync::Arc;

use bgp_fsm::{Input, Routes, State};
use bgp_wire::iana::RouteRefreshSubtype;
use bgp_wire::{AfiSafi, Community, PathAttributes, RouteRefresh};
use ipnet::IpNet;
use proptest::prelude::*;

use crate::rig::{Done, OUTGOING, Rig, builder, encoded};

/// A change of one route: which prefix, and the attribute set it has from then on, if it stays.
type Change = (u8, Option<u32>);

#[derive(Debug, Clone)]
enum Step {
    Update(Vec<Change>),
    Refresh,
    Stall,
    Flow,
    Drained(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (any::<u8>(), prop::option::weighted(0.7, 0..3_u32));
    let step = prop_oneof![
        6 => prop::collection::vec(change, 0..40).prop_map(Step::Update),
        1 => Just(Step::Refresh),
        2 => Just(Step::Stall),
        1 => Just(Step::Flow),
        3 => (1..300_000_usize).prop_map(Step::Drained),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_changed_copy_is_sent_as_the_same_routes_put_together_anew(steps in steps()) {
        let mut copies = Rig::in_state(builder().build().unwrap(), State::Established);
        let mut anew = Rig::in_state(builder().build().unwrap(), State::Established);
        let mut routes: Routes = bulk().collect();
        for step in steps {
            let sent = match step {
                Step::Update(changes) => {
                    routes.update(changes.into_iter().map(route));
                    let rebuilt = routes.iter().map(|(prefix, kept)| (prefix, Arc::clone(kept)));
                    let rebuilt = rebuilt.collect();
                    [copies.set_routes(routes.clone()), anew.set_routes(rebuilt)]
                }
                Step::Refresh => [refresh(&mut copies), refresh(&mut anew)],
                Step::Stall => {
                    (copies.stalled, anew.stalled) = (true, true);
                    continue;
                }
                Step::Flow => {
                    (copies.stalled, anew.stalled) = (false, false);
                    [drained(&mut copies, usize::MAX), drained(&mut anew, usize::MAX)]
                }
                Step::Drained(octets) => [drained(&mut copies, octets), drained(&mut anew, octets)],
            };
            let [of_copies, of_anew] = sent.map(|done| done.changes());
            prop_assert_eq!(of_copies, of_anew);
            for family in [AfiSafi::IPV4_UNICAST, AfiSafi::IPV6_UNICAST] {
                prop_assert_eq!(told(&copies, family), told(&anew, family));
            }
        }
    }
}

/// Routes whose attributes are so long that a transport which takes nothing holds some of them up.
fn bulk() -> impl Iterator<Item = (IpNet, Arc<PathAttributes>)> {
    (0..=255_u8).map(|n| {
        let communities = (0..400).map(|low| Community(u32::from(n) << 16 | low));
        let built = PathAttributes::builder().communities(communities).build();
        (v4(n), Arc::new(built.unwrap()))
    })
}

fn v4(n: u8) -> IpNet {
    IpNet::new([203, 0, 113, n].into(), 32).unwrap()
}

/// Prefixes of both families, some of them among the many.
fn route((n, set): Change) -> (IpNet, Option<Arc<PathAttributes>>) {
    let v6 = |n: u8| IpNet::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()].into(), 128).unwrap();
    let prefix = if n.is_multiple_of(3) { v6(n) } else { v4(n) };
    let attributes = |set| {
        let built = PathAttributes::builder().communities([Community(set)]);
        Arc::new(built.build().unwrap())
    };
    (prefix, set.map(attributes))
}

fn refresh(rig: &mut Rig) -> Done {
    let request = RouteRefresh::new(AfiSafi::IPV4_UNICAST, RouteRefreshSubtype::REQUEST);
    rig.receive(OUTGOING, &encoded(request))
}

fn drained(rig: &mut Rig, octets: usize) -> Done {
    let conn = OUTGOING;
    rig.input(Input::Drained { conn, octets })
}

/// What the peer holds, and how much is on its way. While something is, the routes are some from before, and which depends
/// on when the session has compared them last: a copy that nothing was done to is not compared.
fn told(rig: &Rig, family: AfiSafi) -> (Option<Vec<IpNet>>, usize) {
    let advertised = &rig.session.advertised()[&family];
    let routes = advertised.routes().unwrap();
    let pending = routes.pending();
    let prefixes = (pending == 0).then(|| routes.prefixes().collect());
    (prefixes, pending)
}

//! The driver on loopback addresses.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use election::driver::{Agent, DriverError};
use election::membership::{Config, Event, Facts, Key};
use tokio::time::timeout;

/// A member at an address of its own, and a port that the system chooses.
async fn agent(name: &str, host: u8) -> Agent {
    agent_with(name, host, &Key::derive(b"the secret of this test")).await
}

async fn agent_with(name: &str, host: u8, key: &Key) -> Agent {
    let bind = SocketAddr::new(Ipv4Addr::new(127, 0, 0, host).into(), 0);
    Agent::spawn(name.parse().unwrap(), bind, bind.ip(), Config::lan(), key)
        .await
        .unwrap()
}

/// Three members that can find each other.
async fn three() -> [Agent; 3] {
    let agents = [
        agent("a", 1).await,
        agent("b", 2).await,
        agent("c", 3).await,
    ];
    let peers: BTreeSet<SocketAddr> = agents.iter().map(Agent::address).collect();
    for agent in &agents {
        agent.set_peers(peers.clone());
    }
    for agent in &agents {
        sees(agent, &["a", "b", "c"]).await;
    }
    agents
}

/// Waits until these are alive for a member, and nobody else.
async fn sees(agent: &Agent, names: &[&str]) {
    let mut members = agent.members();
    let seen = members.wait_for(|members| {
        members
            .keys()
            .map(|name| name.as_str())
            .eq(names.iter().copied())
    });
    let seen = timeout(PATIENCE, seen).await;
    assert!(
        seen.is_ok_and(|seen| seen.is_ok()),
        "{names:?} at {}",
        agent.address()
    );
}

/// Waits for an event.
async fn tells(agent: &mut Agent, wanted: impl Fn(&Event) -> bool) {
    let told = async {
        while let Some(event) = agent.events().recv().await {
            if wanted(&event) {
                return true;
            }
        }
        false
    };
    assert_eq!(timeout(PATIENCE, told).await, Ok(true));
}

#[tokio::test]
async fn a_member_that_is_killed_is_dead_to_the_others_and_comes_back() {
    let [mut a, b, c] = three().await;
    drop(c);
    sees(&a, &["a", "b"]).await;
    sees(&b, &["a", "b"]).await;
    tells(
        &mut a,
        |event| matches!(event, Event::Died(member) if member.name.as_str() == "c"),
    )
    .await;

    let again = agent("c", 3).await;
    let peers: BTreeSet<SocketAddr> = [a.address()].into();
    again.set_peers(peers);
    for agent in [&a, &b, &again] {
        sees(agent, &["a", "b", "c"]).await;
    }
}

#[tokio::test]
async fn a_member_that_leaves_has_left() {
    let [mut a, b, c] = three().await;
    timeout(PATIENCE, c.leave()).await.unwrap();
    sees(&a, &["a", "b"]).await;
    sees(&b, &["a", "b"]).await;
    tells(
        &mut a,
        |event| matches!(event, Event::Left(member) if member.name.as_str() == "c"),
    )
    .await;
}

#[tokio::test]
async fn facts_are_told_and_datagrams_counted() {
    let [a, b, _c] = three().await;
    let facts = Facts {
        draining: true,
        ..Facts::default()
    };
    b.set_facts(facts.clone());
    let mut members = a.members();
    let told = members.wait_for(|members| {
        members
            .get("b")
            .is_some_and(|b| b.facts.as_deref() == Some(&facts))
    });
    assert!(timeout(PATIENCE, told).await.is_ok_and(|told| told.is_ok()));

    let mut status = a.status();
    let counted = status
        .wait_for(|status| status.membership.sent > 0 && status.membership.octets_received > 0);
    assert!(
        timeout(PATIENCE, counted)
            .await
            .is_ok_and(|counted| counted.is_ok())
    );
}

#[tokio::test]
async fn who_starts_with_the_key_that_members_were_given_joins_them() {
    let [a, b, c] = three().await;
    let key = Key::derive(b"the next secret of this test");
    for agent in [&a, &b, &c] {
        agent.set_key(key.clone());
    }
    let d = agent_with("d", 4, &key).await;
    d.set_peers([a.address()].into());
    for agent in [&a, &b, &c, &d] {
        sees(agent, &["a", "b", "c", "d"]).await;
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let first = agent("a", 1).await;
    let key = Key::derive(b"the secret of this test");
    let bind = first.address();
    let second = Agent::spawn("b".parse().unwrap(), bind, bind.ip(), Config::lan(), &key).await;
    assert!(matches!(second, Err(DriverError::Bind { address, .. }) if address == bind));
}

/// Far longer than a death takes, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

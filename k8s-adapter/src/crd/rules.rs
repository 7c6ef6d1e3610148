//! The CEL rules of the definitions beyond MetalLB's: what can be told of one object by itself, an API server refuses
//! when the object is written (compat/metallb.md 3.4). [`translate`](crate::translate) checks it again, because a
//! folder has no API server.
//!
//! No rule refuses what `translate` brings in force, save for what no one writes: lists of more than 4096 items, items
//! of more than 128 characters, and prefix lengths with leading zeros. So a rule may leave something to `translate`:
//! CEL has no order of IPv6 addresses, for one. The functions `isIP`, `ip` and `isCIDR` need Kubernetes 1.31.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Items of a list that has a rule for each of them. An API server refuses a definition whose rules might cost too
/// much, and reckons with as many items, each as long, as the schema allows. Kubernetes 1.35 takes up to 6700 here.
pub(super) const MAX_ITEMS: u32 = 4096;
/// Length of such an item. An address range of IPv6 has at most 91 characters, without spaces.
pub(super) const MAX_LENGTH: u32 = 128;
/// Communities of a policy. An API server compares each item of a set with all others.
const MAX_POLICY_COMMUNITIES: u32 = 256;
/// Length of an address: IPv6 with the last 32 bits written as IPv4.
const MAX_ADDRESS: u32 = 45;

/// An IP address, or nothing.
///
/// `isIP` refuses IPv4 addresses inside IPv6 ones (`::ffff:198.51.100.1`), which a peer may have as in MetalLB.
pub(super) fn address() -> Rule {
    Rule::new("self == '' || isIP(self) || self.matches('^[0:]*:(?i:ffff):[0-9A-Fa-f:.]+$')")
        .message("must be an IP address")
}

/// A BGP identifier (RFC 6286 §2.1), or nothing.
pub(super) fn router_id() -> Rule {
    Rule::new("self == '' || (isIP(self) && ip(self).family() == 4 && !ip(self).isUnspecified())")
        .message("must be written as an IPv4 address, and not be zero")
}

/// An AS number (RFC 7607).
pub(super) fn asn() -> Rule {
    Rule::new("self != 0").message("must not be 0")
}

/// A hold time (RFC 4271 §4.2), which counts in whole seconds.
pub(super) fn hold_time() -> Rule {
    Rule::new(
        "duration(self) >= duration('0s') && duration(self) < duration('65536s') && \
        (duration(self) < duration('1s') || duration(self) >= duration('3s'))",
    )
    .message("must be 0s, or from 3s to 65535s")
}

/// A time between KEEPALIVE messages by itself.
pub(super) fn keepalive_time() -> Rule {
    Rule::new("duration(self) >= duration('0s')").message("must not be negative")
}

/// The keepalive time against the hold time, which is three times as long where it is absent. For a peer's spec.
pub(super) fn keepalive_within_hold() -> Rule {
    Rule::new(
        "!has(self.keepaliveTime) || (has(self.holdTime) \
        ? duration(self.keepaliveTime).getSeconds() <= duration(self.holdTime).getSeconds() \
        : duration(self.keepaliveTime) < duration('21846s'))",
    )
    .message("keepaliveTime must not be longer than holdTime, and without holdTime at most 21845s")
}

/// Both ends of a session are of one family. For a peer's spec.
pub(super) fn source_of_same_family() -> Rule {
    Rule::new(
        "!has(self.sourceAddress) || !has(self.peerAddress) || \
        !isIP(self.sourceAddress) || !isIP(self.peerAddress) || \
        ip(self.sourceAddress).family() == ip(self.peerAddress).family()",
    )
    .message("sourceAddress must be of the family of peerAddress")
}

/// Only a peer in another AS can be several hops away. For a peer's spec.
pub(super) fn multi_hop_is_external() -> Rule {
    Rule::new(
        "!has(self.ebgpMultiHop) || !self.ebgpMultiHop || \
        !has(self.peerASN) || self.peerASN != self.myASN",
    )
    .message("ebgpMultiHop needs a peerASN other than myASN")
}

/// The AS number is fixed or not. For a peer's spec.
pub(super) fn one_kind_of_asn() -> Rule {
    Rule::new("(has(self.peerASN) && self.peerASN != 0) != has(self.dynamicASN)")
        .message("exactly one of peerASN and dynamicASN must be set")
}

/// The peer is an address or whoever is on an interface. For a peer's spec.
pub(super) fn one_kind_of_peer() -> Rule {
    Rule::new(
        "(has(self.peerAddress) && self.peerAddress != '') != (has(self.interface) && self.interface != '')",
    )
    .message("exactly one of peerAddress and interface must be set")
}

/// The password is there or elsewhere. For a peer's spec.
pub(super) fn one_password() -> Rule {
    Rule::new(
        "!has(self.password) || self.password == '' || !has(self.passwordSecret) || \
        !has(self.passwordSecret.name) || self.passwordSecret.name == ''",
    )
    .message("password and passwordSecret are mutually exclusive")
}

/// The longest key that TCP MD5 takes on Linux. For a peer's spec: a rule of the field would show its value to whoever
/// reads the refusal.
pub(super) fn password_fits() -> Rule {
    Rule::new("!has(self.password) || self.password.size() <= 80")
        .message("password must have at most 80 characters")
}

/// A peer needs a spec, which the schema itself does not say, as MetalLB's does not. For a whole object.
pub(super) fn has_spec() -> Rule {
    Rule::new("has(self.spec)").message("spec must be set")
}

/// A peer's address in the version that knows no other kind of peer.
pub(super) fn given() -> Rule {
    Rule::new("self != ''").message("must not be empty")
}

/// An alias stands for something. For a whole alias.
pub(super) fn has_value() -> Rule {
    Rule::new("has(self.value)").message("value must be set")
}

/// The addresses are listed or counted. For a reservation's spec.
pub(super) fn one_way_to_reserve() -> Rule {
    Rule::new("has(self.addresses) != has(self.count)")
        .message("exactly one of addresses and count must be set")
}

/// Where addresses are chosen from is said where they are chosen, and only there. For a reservation's spec.
pub(super) fn pool_and_families_with_count() -> Rule {
    Rule::new("has(self.count) ? has(self.pool) : !has(self.pool) && !has(self.ipFamilies)")
        .message("count needs pool; pool and ipFamilies need count")
}

/// The addresses are for one Service or for those with some labels. For a reservation's spec.
pub(super) fn one_kind_of_holder() -> Rule {
    Rule::new("has(self.service) != has(self.serviceSelector)")
        .message("exactly one of service and serviceSelector must be set")
}

/// A Service that is named has its namespace. For a reservation's spec.
pub(super) fn namespaces_with_selector() -> Rule {
    Rule::new("!has(self.namespaces) || has(self.serviceSelector)")
        .message("namespaces needs serviceSelector")
}

/// A policy that changes nothing is a mistake. For a policy's spec.
pub(super) fn changes_something() -> Rule {
    Rule::new(
        "has(self.advertise) || has(self.asPathPrepend) || has(self.med) || has(self.localPref) || \
        has(self.communities) || has(self.nextHop)",
    )
    .message("must set one of advertise, asPathPrepend, med, localPref, communities and nextHop")
}

/// A route's communities stay or go. For the communities of a policy.
pub(super) fn add_or_replace() -> Rule {
    Rule::new("has(self.add) != has(self.replace)")
        .message("exactly one of add and replace must be set")
}

/// For the next hops of a policy.
pub(super) fn some_next_hop() -> Rule {
    Rule::new("has(self.ipv4) || has(self.ipv6)").message("ipv4 or ipv6 must be set")
}

/// Where IPv4 packets can be sent.
pub(super) fn next_hop_ipv4() -> Rule {
    next_hop(4).message("must be self, or an IPv4 address that a router can send packets to")
}

/// Where IPv6 packets can be sent.
pub(super) fn next_hop_ipv6() -> Rule {
    next_hop(6).message("must be self, or an IPv6 address that a router can send packets to")
}

fn next_hop(family: u8) -> Rule {
    Rule::new(format!(
        "self == 'self' || (isIP(self) && ip(self).family() == {family} && ip(self).isGlobalUnicast())"
    ))
}

/// The value of a community.
pub(super) fn community() -> Rule {
    Rule::new(COMMUNITY).message("must be a community: 65000:100 or large:65000:1:2")
}

/// Standard communities have parts of 16 bits (RFC 1997), large ones of 32 (RFC 8092).
const COMMUNITY: &str = "\
    self.matches('^0*[0-9]{1,5}:0*[0-9]{1,5}$') ? \
    int(self.split(':')[0]) <= 65535 && int(self.split(':')[1]) <= 65535 : \
    self.matches('^large(:0*[0-9]{1,10}){3}$') && int(self.split(':')[1]) <= 4294967295 && \
    int(self.split(':')[2]) <= 4294967295 && int(self.split(':')[3]) <= 4294967295";

/// The ranges of a pool.
pub(super) fn addresses(_: &mut SchemaGenerator) -> Schema {
    let syntax = Rule::new(
        "self.contains('-') ? self.split('-').size() == 2 && \
        isIP(self.split('-')[0].trim()) && isIP(self.split('-')[1].trim()) : \
        isCIDR(self.trim())",
    )
    .message("must be a prefix like 198.51.100.0/24 or a range like 198.51.100.1-198.51.100.9");
    let family = Rule::new(
        "self.split('-').size() != 2 || \
        self.split('-')[0].contains(':') == self.split('-')[1].contains(':')",
    )
    .message("both ends of a range must be of one family");
    let order = Rule::new(
        "!self.matches('^ *[0-9]{1,3}([.][0-9]{1,3}){3} *- *[0-9]{1,3}([.][0-9]{1,3}){3} *$') || \
        [self.split('-')[0].trim().split('.'), self.split('-')[1].trim().split('.')]\
        .map(n, int(n[0]) * 16777216 + int(n[1]) * 65536 + int(n[2]) * 256 + int(n[3])).isSorted()",
    )
    .message("the first address of a range must not be above the last");
    let mut schema = strings(&[syntax, family, order]);
    schema.insert("minItems".to_owned(), json!(1));
    schema
}

/// The addresses of a reservation.
pub(super) fn reserved_addresses(_: &mut SchemaGenerator) -> Schema {
    let address = Rule::new("isIP(self)").message("must be an IP address");
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 256,
        "x-kubernetes-list-type": "set",
        "items": { "type": "string", "maxLength": MAX_ADDRESS, "x-kubernetes-validations": [json!(address)] },
    })
}

/// The communities that a policy adds, of which there are some.
pub(super) fn added_communities(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = replacing_communities(generator);
    schema.insert("minItems".to_owned(), json!(1));
    schema
}

/// The communities that a policy puts in place of others.
pub(super) fn replacing_communities(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = communities(generator);
    schema.insert("maxItems".to_owned(), json!(MAX_POLICY_COMMUNITIES));
    schema.insert("x-kubernetes-list-type".to_owned(), json!("set"));
    schema
}

/// The communities of an advertisement; what does not look like one is an alias.
pub(super) fn communities(_: &mut SchemaGenerator) -> Schema {
    let rule = Rule::new(format!(
        "self.split(':').size() != 2 && !self.startsWith('large:') || ({COMMUNITY})"
    ))
    .message("must be a community like 65000:100 or large:65000:1:2, or the name of an alias");
    strings(&[rule])
}

/// A list of texts that each keep to some rules.
fn strings(rules: &[Rule]) -> Schema {
    let rules: Vec<Value> = rules.iter().map(|rule| json!(rule)).collect();
    json_schema!({
        "type": "array",
        "maxItems": MAX_ITEMS,
        "items": { "type": "string", "maxLength": MAX_LENGTH, "x-kubernetes-validations": rules },
    })
}

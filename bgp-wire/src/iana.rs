//! The registries that BGP uses, as open code points: one type a registry, one constant an assignment.
//!
//! * [BGP parameters](https://www.iana.org/assignments/bgp-parameters/)
//! * [Capability codes](https://www.iana.org/assignments/capability-codes/)
//! * [Address family numbers](https://www.iana.org/assignments/address-family-numbers/)
//! * [SAFI namespace](https://www.iana.org/assignments/safi-namespace/)

use crate::codepoints::codepoints;

codepoints! {
    /// The type octet of a message header (RFC 4271 §4.1).
    pub struct MessageType(u8) {
        /// RFC 4271 §4.2.
        OPEN = 1, "OPEN";
        /// RFC 4271 §4.3.
        UPDATE = 2, "UPDATE";
        /// RFC 4271 §4.5.
        NOTIFICATION = 3, "NOTIFICATION";
        /// RFC 4271 §4.4.
        KEEPALIVE = 4, "KEEPALIVE";
        /// RFC 2918 §3.
        ROUTE_REFRESH = 5, "ROUTE-REFRESH";
    }

    /// An address family identifier.
    pub struct Afi(u16) {
        /// IP version 4.
        IPV4 = 1, "ipv4";
        /// IP version 6.
        IPV6 = 2, "ipv6";
        /// Layer 2 VPN (RFC 4761).
        L2VPN = 25, "l2vpn";
        /// Link state (RFC 9552).
        BGP_LS = 16388, "bgp-ls";
    }

    /// A subsequent address family identifier (RFC 4760 §6).
    pub struct Safi(u8) {
        /// Unicast forwarding.
        UNICAST = 1, "unicast";
        /// Multicast forwarding.
        MULTICAST = 2, "multicast";
        /// Labelled unicast (RFC 8277).
        LABELLED_UNICAST = 4, "labelled-unicast";
        /// VPLS (RFC 4761).
        VPLS = 65, "vpls";
        /// EVPN (RFC 7432).
        EVPN = 70, "evpn";
        /// Link state (RFC 9552).
        LINK_STATE = 71, "link-state";
        /// Segment routing policy.
        SR_POLICY = 73, "sr-policy";
        /// VPN unicast (RFC 4364).
        VPN = 128, "vpn";
        /// Route target constraint (RFC 4684).
        ROUTE_TARGET = 132, "route-target";
        /// FlowSpec (RFC 8955).
        FLOW_SPEC = 133, "flow-spec";
        /// VPN FlowSpec (RFC 8955).
        VPN_FLOW_SPEC = 134, "vpn-flow-spec";
    }

    /// The code of a capability (RFC 5492).
    pub struct CapabilityCode(u8) {
        /// RFC 4760 §8.
        MULTIPROTOCOL = 1, "multiprotocol";
        /// RFC 2918 §2.
        ROUTE_REFRESH = 2, "route-refresh";
        /// RFC 5291.
        OUTBOUND_ROUTE_FILTERING = 3, "outbound-route-filtering";
        /// RFC 8950 §4.
        EXTENDED_NEXT_HOP = 5, "extended-next-hop";
        /// RFC 8654 §3.
        EXTENDED_MESSAGE = 6, "extended-message";
        /// RFC 9234 §4.1.
        ROLE = 9, "role";
        /// RFC 4724 §3.
        GRACEFUL_RESTART = 64, "graceful-restart";
        /// RFC 6793 §3.
        FOUR_OCTET_AS = 65, "four-octet-as";
        /// RFC 7911 §4.
        ADD_PATH = 69, "add-path";
        /// RFC 7313 §3.1.
        ENHANCED_ROUTE_REFRESH = 70, "enhanced-route-refresh";
        /// RFC 9494.
        LONG_LIVED_GRACEFUL_RESTART = 71, "long-lived-graceful-restart";
        /// draft-walton-bgp-hostname-capability.
        FQDN = 73, "fqdn";
    }

    /// The type of a path attribute (RFC 4271 §4.3).
    pub struct AttrCode(u8) {
        /// RFC 4271 §5.1.1.
        ORIGIN = 1, "ORIGIN";
        /// RFC 4271 §5.1.2.
        AS_PATH = 2, "AS_PATH";
        /// RFC 4271 §5.1.3.
        NEXT_HOP = 3, "NEXT_HOP";
        /// RFC 4271 §5.1.4.
        MULTI_EXIT_DISC = 4, "MULTI_EXIT_DISC";
        /// RFC 4271 §5.1.5.
        LOCAL_PREF = 5, "LOCAL_PREF";
        /// RFC 4271 §5.1.6.
        ATOMIC_AGGREGATE = 6, "ATOMIC_AGGREGATE";
        /// RFC 4271 §5.1.7.
        AGGREGATOR = 7, "AGGREGATOR";
        /// RFC 1997.
        COMMUNITIES = 8, "COMMUNITIES";
        /// RFC 4456 §8.
        ORIGINATOR_ID = 9, "ORIGINATOR_ID";
        /// RFC 4456 §8.
        CLUSTER_LIST = 10, "CLUSTER_LIST";
        /// RFC 4760 §3.
        MP_REACH_NLRI = 14, "MP_REACH_NLRI";
        /// RFC 4760 §4.
        MP_UNREACH_NLRI = 15, "MP_UNREACH_NLRI";
        /// RFC 4360.
        EXTENDED_COMMUNITIES = 16, "EXTENDED COMMUNITIES";
        /// RFC 6793 §3.
        AS4_PATH = 17, "AS4_PATH";
        /// RFC 6793 §3.
        AS4_AGGREGATOR = 18, "AS4_AGGREGATOR";
        /// RFC 8092.
        LARGE_COMMUNITY = 32, "LARGE_COMMUNITY";
        /// RFC 9234 §5.
        ONLY_TO_CUSTOMER = 35, "OTC";
    }

    /// The error code of a NOTIFICATION (RFC 4271 §4.5).
    pub struct ErrorCode(u8) {
        /// RFC 4271 §6.1.
        MESSAGE_HEADER = 1, "Message Header Error";
        /// RFC 4271 §6.2.
        OPEN_MESSAGE = 2, "OPEN Message Error";
        /// RFC 4271 §6.3.
        UPDATE_MESSAGE = 3, "UPDATE Message Error";
        /// RFC 4271 §6.5.
        HOLD_TIMER_EXPIRED = 4, "Hold Timer Expired";
        /// RFC 4271 §6.6.
        FINITE_STATE_MACHINE = 5, "Finite State Machine Error";
        /// RFC 4271 §6.7.
        CEASE = 6, "Cease";
        /// RFC 7313 §5.
        ROUTE_REFRESH_MESSAGE = 7, "ROUTE-REFRESH Message Error";
        /// RFC 9687 §3.
        SEND_HOLD_TIMER_EXPIRED = 8, "Send Hold Timer Expired";
    }

    /// The subcode of a message header error (RFC 4271 §6.1).
    pub struct HeaderSubcode(u8) {
        /// The marker is not all ones.
        CONNECTION_NOT_SYNCHRONIZED = 1, "Connection Not Synchronized";
        /// The length field is out of bounds; the data field holds it.
        BAD_MESSAGE_LENGTH = 2, "Bad Message Length";
        /// The type field is not recognized; the data field holds it.
        BAD_MESSAGE_TYPE = 3, "Bad Message Type";
    }

    /// The subcode of an OPEN message error (RFC 4271 §6.2).
    pub struct OpenSubcode(u8) {
        /// None of the others fits.
        UNSPECIFIC = 0, "Unspecific";
        /// The data field holds the highest version that would have been taken.
        UNSUPPORTED_VERSION_NUMBER = 1, "Unsupported Version Number";
        /// The AS number is not acceptable.
        BAD_PEER_AS = 2, "Bad Peer AS";
        /// The identifier is zero, or our own on an internal session (RFC 6286 §2.2).
        BAD_BGP_IDENTIFIER = 3, "Bad BGP Identifier";
        /// An optional parameter is not recognized.
        UNSUPPORTED_OPTIONAL_PARAMETER = 4, "Unsupported Optional Parameter";
        /// The hold time is one or two seconds, or lower than we take.
        UNACCEPTABLE_HOLD_TIME = 6, "Unacceptable Hold Time";
        /// A capability that we require is missing; the data field lists it (RFC 5492 §5).
        UNSUPPORTED_CAPABILITY = 7, "Unsupported Capability";
        /// RFC 9234 §4.2.
        ROLE_MISMATCH = 11, "Role Mismatch";
    }

    /// The subcode of an UPDATE message error (RFC 4271 §6.3).
    pub struct UpdateSubcode(u8) {
        /// Lengths that disagree, or an attribute that occurs twice.
        MALFORMED_ATTRIBUTE_LIST = 1, "Malformed Attribute List";
        /// The data field holds the attribute.
        UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE = 2, "Unrecognized Well-known Attribute";
        /// The data field holds the type that is missing.
        MISSING_WELL_KNOWN_ATTRIBUTE = 3, "Missing Well-known Attribute";
        /// The data field holds the attribute.
        ATTRIBUTE_FLAGS = 4, "Attribute Flags Error";
        /// The data field holds the attribute.
        ATTRIBUTE_LENGTH = 5, "Attribute Length Error";
        /// The data field holds the attribute.
        INVALID_ORIGIN = 6, "Invalid ORIGIN Attribute";
        /// The data field holds the attribute.
        INVALID_NEXT_HOP = 8, "Invalid NEXT_HOP Attribute";
        /// The data field holds the attribute.
        OPTIONAL_ATTRIBUTE = 9, "Optional Attribute Error";
        /// A prefix is longer than its family allows, or runs over its field.
        INVALID_NETWORK_FIELD = 10, "Invalid Network Field";
        /// The path is syntactically incorrect.
        MALFORMED_AS_PATH = 11, "Malformed AS_PATH";
    }

    /// The subcode of a finite state machine error (RFC 6608 §3).
    pub struct FsmSubcode(u8) {
        /// Unspecified.
        UNSPECIFIED = 0, "Unspecified Error";
        /// A message other than those OpenSent takes; the data field holds its type.
        UNEXPECTED_IN_OPEN_SENT = 1, "Receive Unexpected Message in OpenSent State";
        /// A message other than those OpenConfirm takes; the data field holds its type.
        UNEXPECTED_IN_OPEN_CONFIRM = 2, "Receive Unexpected Message in OpenConfirm State";
        /// A message other than those Established takes; the data field holds its type.
        UNEXPECTED_IN_ESTABLISHED = 3, "Receive Unexpected Message in Established State";
    }

    /// The subcode of a Cease NOTIFICATION (RFC 4486 §4): why a session that had no fault is ended.
    pub struct Cease(u8) {
        /// No reason is given.
        UNSPECIFIED = 0, "Unspecified";
        /// More prefixes than allowed; the data field may hold the family and the bound.
        MAXIMUM_PREFIXES = 1, "Maximum Number of Prefixes Reached";
        /// The session is shut down; may carry a text (RFC 9003).
        ADMINISTRATIVE_SHUTDOWN = 2, "Administrative Shutdown";
        /// The peer is no longer configured.
        PEER_DECONFIGURED = 3, "Peer De-configured";
        /// The session is reset; may carry a text (RFC 9003).
        ADMINISTRATIVE_RESET = 4, "Administrative Reset";
        /// The connection is not allowed any more.
        CONNECTION_REJECTED = 5, "Connection Rejected";
        /// A setting changed that needs a new session.
        OTHER_CONFIGURATION_CHANGE = 6, "Other Configuration Change";
        /// The loser of RFC 4271 §6.8.
        CONNECTION_COLLISION_RESOLUTION = 7, "Connection Collision Resolution";
        /// The speaker ran short of memory or the like.
        OUT_OF_RESOURCES = 8, "Out of Resources";
        /// Ends the session in full where RFC 8538 would keep routes; wraps the true reason.
        HARD_RESET = 9, "Hard Reset";
        /// BFD says that the path is down (RFC 9384).
        BFD_DOWN = 10, "BFD Down";
    }

    /// The subcode of a ROUTE-REFRESH message error (RFC 7313 §5).
    pub struct RouteRefreshErrorSubcode(u8) {
        /// The data field holds the whole message.
        INVALID_MESSAGE_LENGTH = 1, "Invalid Message Length";
    }

    /// The subtype octet of a ROUTE-REFRESH message (RFC 7313 §3.2).
    pub struct RouteRefreshSubtype(u8) {
        /// Please send the routes again (RFC 2918).
        REQUEST = 0, "Request";
        /// Beginning of a route refresh.
        BORR = 1, "BoRR";
        /// End of a route refresh.
        EORR = 2, "EoRR";
    }
}

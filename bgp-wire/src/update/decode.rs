//! What may be used of an UPDATE: RFC 7606 as a type.

use super::UpdateRef;
use super::findings::{ErrorAction, Finding, Findings};
use crate::afi_safi::AfiSafi;
use crate::attribute::decode as attributes;
use crate::attribute::index::CodeSet;
use crate::attribute::mp::NextHop;
use crate::attribute::rules;
use crate::attribute::view::PathAttributesRef;
use crate::context::{AsnWidth, SessionContext};
use crate::cursor::Cursor;
use crate::error::{DecodeError, DecodeErrorKind as Kind};
use crate::header::MessageHeader;
use crate::iana::AttrCode;
use crate::nlri::{Family, NlriField};
use core::iter::{self, FusedIterator};
use ipnet::IpNet;

/// What may be used of an UPDATE.
///
/// After a fault that is answered by withdrawing there is no way to any attribute: misuse does not compile.
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 7606 §2: the fourth approach, session reset, is the error"
)]
#[derive(Clone, Copy, Debug)]
pub enum Validated<'a> {
    /// In order, or but for attributes that were left out.
    Routes(Routes<'a>),
    /// Malformed: every prefix in it is withdrawn.
    Withdraw(Withdrawn<'a>),
    /// Malformed such that prefixes of this family cannot be found: the family is taken from the peer no longer, or the
    /// session reset (RFC 4760 §7); every prefix that was found is withdrawn.
    DisableFamily(AfiSafi, Withdrawn<'a>),
}

impl Validated<'_> {
    /// The faults that were found.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        match self {
            Self::Routes(routes) => &routes.findings,
            Self::Withdraw(withdrawn) | Self::DisableFamily(_, withdrawn) => &withdrawn.findings,
        }
    }
}

/// The routes of an UPDATE.
#[derive(Clone, Copy, Debug)]
pub struct Routes<'a> {
    update: UpdateRef<'a>,
    findings: Findings,
}

impl<'a> Routes<'a> {
    /// The attributes of every announced prefix.
    #[must_use]
    pub const fn attributes(&self) -> &PathAttributesRef<'a> {
        &self.update.attributes
    }

    /// The announced prefixes of family `F`.
    pub fn announced<F: Family>(
        &self,
    ) -> impl FusedIterator<Item = F::Prefix> + Clone + use<'a, F> {
        self.announcements()
            .flat_map(|announcement| announcement.nlri.iter::<F>())
    }

    /// The withdrawn prefixes of family `F`.
    pub fn withdrawn<F: Family>(
        &self,
    ) -> impl FusedIterator<Item = F::Prefix> + Clone + use<'a, F> {
        self.withdrawals().flat_map(NlriField::iter::<F>)
    }

    /// The announced prefixes field by field, each with its next hop.
    pub fn announcements(&self) -> impl FusedIterator<Item = Announcement<'a>> + Clone + use<'a> {
        let next_hop = self.update.attributes.next_hop().map(NextHop::Ipv4);
        let classic = Announcement {
            nlri: self.update.nlri(),
            next_hop,
        };
        let reach = self.update.mp_reach().map(|reach| Announcement {
            nlri: reach.nlri(),
            next_hop: reach.next_hop(),
        });
        let fields = iter::once(classic).chain(reach);
        fields.filter(|announcement| !announcement.nlri.is_empty())
    }

    /// The withdrawn prefixes field by field.
    pub fn withdrawals(&self) -> impl FusedIterator<Item = NlriField<'a>> + Clone + use<'a> {
        let unreach = self.update.mp_unreach().map(|unreach| unreach.nlri());
        let fields = iter::once(self.update.withdrawn_routes()).chain(unreach);
        fields.filter(|field| !field.is_empty())
    }

    /// The family whose initial routes are all sent, where this is an End-of-RIB marker (RFC 4724 §2).
    #[must_use]
    pub fn end_of_rib(&self) -> Option<AfiSafi> {
        self.update.end_of_rib()
    }

    /// The faults for which attributes were left out.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(crate) const fn update(&self) -> &UpdateRef<'a> {
        &self.update
    }
}

/// Announced prefixes and where to send packets for them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Announcement<'a> {
    /// The prefixes.
    pub nlri: NlriField<'a>,
    /// Their next hop; `None` for a family without a type.
    pub next_hop: Option<NextHop>,
}

/// The prefixes of a malformed UPDATE: all of them are withdrawn, the announced ones too.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawn<'a> {
    fields: [Option<NlriField<'a>>; 4],
    findings: Findings,
}

impl<'a> Withdrawn<'a> {
    /// The withdrawn prefixes of family `F`.
    pub fn withdrawn<F: Family>(
        &self,
    ) -> impl FusedIterator<Item = F::Prefix> + Clone + use<'a, F> {
        self.withdrawals().flat_map(NlriField::iter::<F>)
    }

    /// The withdrawn prefixes of every typed family.
    pub fn prefixes(&self) -> impl FusedIterator<Item = IpNet> + Clone + use<'a> {
        self.withdrawals().flat_map(NlriField::prefixes)
    }

    /// The withdrawn prefixes field by field.
    pub fn withdrawals(&self) -> impl FusedIterator<Item = NlriField<'a>> + Clone + use<'a> {
        self.fields
            .into_iter()
            .flatten()
            .filter(|field| !field.is_empty())
    }

    /// The faults that were found.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }
}

impl<'a> UpdateRef<'a> {
    /// Checks the UPDATE as RFC 7606 wants and says what may be used of it.
    ///
    /// Whether a family was negotiated is not asked: routes of a family that is not in
    /// [`SessionContext::families`] are there to be ignored.
    ///
    /// # Errors
    /// The fault for which the session must be reset: prefixes that cannot be told apart (RFC 4271 §6.3), MP attributes
    /// that occur twice (RFC 7606 §3 g), a well-known attribute that is not recognized (RFC 4271 §6.3), and any fault
    /// that needs more than leaving an attribute out in an UPDATE that announces nothing (RFC 7606 §5.2).
    pub fn validate(&self, cx: &SessionContext) -> Result<Validated<'a>, DecodeError> {
        self.check_prefixes()?;
        let mut checked = Checked {
            update: *self,
            findings: Findings::default(),
            disabled: None,
            only_unreach: true,
        };
        checked.check_attributes(cx)?;
        checked.check_mandatory();
        checked.disposition()
    }

    /// RFC 7606 §5.3, §3 (i) and (j): prefixes that cannot be told apart cannot be withdrawn either.
    fn check_prefixes(&self) -> Result<(), DecodeError> {
        if !self.withdrawn_routes().is_well_formed() {
            return Err(error(Kind::InvalidNetworkField, MessageHeader::LEN + 2));
        }
        if !self.nlri().is_well_formed() {
            let offset = self.attributes_offset() + self.attributes.octets.len();
            return Err(error(Kind::InvalidNetworkField, offset));
        }
        Ok(())
    }
}

/// An UPDATE on its way through the checks.
struct Checked<'a> {
    update: UpdateRef<'a>,
    findings: Findings,
    disabled: Option<AfiSafi>,
    /// No attribute but MP_UNREACH_NLRI was seen.
    only_unreach: bool,
}

impl<'a> Checked<'a> {
    fn check_attributes(&mut self, cx: &SessionContext) -> Result<(), DecodeError> {
        let mut seen = CodeSet::default();
        let mut cursor = Cursor::new(
            self.update.attributes.octets,
            self.update.attributes_offset(),
        );
        while !cursor.is_empty() {
            let offset = cursor.offset();
            let attribute = match attributes::read(&mut cursor) {
                Ok(attribute) => attribute,
                // RFC 7606 §4: the section still ends where its length says.
                Err(code) => {
                    self.only_unreach = false;
                    self.find(
                        Kind::AttributeOverrun(code),
                        offset,
                        ErrorAction::TreatAsWithdraw,
                    );
                    return Ok(());
                }
            };
            let code = attribute.code;
            self.only_unreach &= code == AttrCode::MP_UNREACH_NLRI;
            if !seen.insert(code) {
                // RFC 7606 §3 (g): of duplicates the first counts, but prefixes may not come twice.
                if matches!(code, AttrCode::MP_REACH_NLRI | AttrCode::MP_UNREACH_NLRI) {
                    return Err(DecodeError::new(Kind::DuplicateAttribute(code), offset));
                }
                self.find(
                    Kind::DuplicateAttribute(code),
                    offset,
                    ErrorAction::AttributeDiscard,
                );
                continue;
            }
            // RFC 4760 §3: without prefixes in the last section NEXT_HOP is ignored, whatever it says.
            if code == AttrCode::NEXT_HOP && self.update.nlri.is_empty() {
                self.update.attributes.index.remove(code);
                continue;
            }
            if let Err(fault) = rules::check(attribute, cx) {
                self.take(code, fault, offset)?;
            }
            if code == AttrCode::AS_PATH && self.outgrows(attribute.value) {
                self.find(
                    Kind::MalformedAsPath(code),
                    offset,
                    ErrorAction::TreatAsWithdraw,
                );
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        code: AttrCode,
        fault: rules::Fault,
        offset: u16,
    ) -> Result<(), DecodeError> {
        match fault.action {
            ErrorAction::SessionReset => return Err(DecodeError::new(fault.kind, offset)),
            ErrorAction::AttributeDiscard => self.update.attributes.index.remove(code),
            ErrorAction::TreatAsWithdraw => {}
            ErrorAction::AfiSafiDisable => {
                // Two families cannot both be disabled by one UPDATE; the session is what they have in common.
                if self.disabled.is_some() && self.disabled != fault.family {
                    return Err(DecodeError::new(fault.kind, offset));
                }
                self.disabled = fault.family;
                // Its prefixes are not to be had.
                self.update.attributes.index.remove(code);
            }
        }
        self.find(fault.kind, offset, fault.action);
        Ok(())
    }

    /// Whether a path of an old speaker would not fit into the attributes any more at twice the width. That is one of
    /// thousands of AS numbers, in a message longer than 4096 octets.
    fn outgrows(&self, path: &[u8]) -> bool {
        let wide = self.update.attributes.octets.len() + path.len() + HEADROOM;
        self.update.attributes.width == AsnWidth::Two && wide > usize::from(u16::MAX)
    }

    /// RFC 7606 §3 (d): ORIGIN and AS_PATH go with every route, NEXT_HOP with those of the last section. LOCAL_PREF is
    /// not asked for: RFC 4271 §5 calls it discretionary.
    #[inline]
    fn check_mandatory(&mut self) {
        if !self.announces() || self.disabled.is_some() {
            return;
        }
        self.require(AttrCode::ORIGIN);
        self.require(AttrCode::AS_PATH);
        if !self.update.nlri.is_empty() {
            self.require(AttrCode::NEXT_HOP);
        }
    }

    fn require(&mut self, code: AttrCode) {
        if self.update.attributes.index.get(code).is_none() {
            let offset = u16::try_from(self.update.attributes_offset()).unwrap_or(u16::MAX);
            self.find(
                Kind::MissingWellKnownAttribute(code),
                offset,
                ErrorAction::TreatAsWithdraw,
            );
        }
    }

    #[inline]
    fn disposition(&self) -> Result<Validated<'a>, DecodeError> {
        let (update, findings) = (&self.update, self.findings);
        let Some(worst) = self
            .findings
            .worst()
            .filter(|worst| worst.action > ErrorAction::AttributeDiscard)
        else {
            return Ok(Validated::Routes(Routes {
                update: *update,
                findings,
            }));
        };
        // RFC 7606 §5.2: attributes without prefixes raise the doubt whether the prefixes were found.
        if !self.only_unreach && !self.announces() && self.disabled.is_none() {
            return Err(worst.error);
        }
        let reach = update.mp_reach().map(|reach| reach.nlri());
        let unreach = update.mp_unreach().map(|unreach| unreach.nlri());
        let fields = [
            Some(update.withdrawn_routes()),
            unreach,
            Some(update.nlri()),
            reach,
        ];
        let withdrawn = Withdrawn { fields, findings };
        Ok(match self.disabled {
            Some(family) => Validated::DisableFamily(family, withdrawn),
            None => Validated::Withdraw(withdrawn),
        })
    }

    /// Whether a prefix is announced.
    fn announces(&self) -> bool {
        !self.update.nlri.is_empty()
            || self
                .update
                .mp_reach()
                .is_some_and(|reach| !reach.nlri().is_empty())
    }

    fn find(&mut self, kind: Kind, offset: u16, action: ErrorAction) {
        self.findings.push(Finding {
            error: DecodeError::new(kind, offset),
            action,
        });
    }
}

fn error(kind: Kind, offset: usize) -> DecodeError {
    DecodeError::new(kind, u16::try_from(offset).unwrap_or(u16::MAX))
}

/// What else may grow on the way to canonical form: lengths and an AGGREGATOR.
const HEADROOM: usize = 8;

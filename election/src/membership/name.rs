//! The name of a member.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a member, unique in its cluster: in Kubernetes, the name of the Node. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(Arc<str>);

/// Why a text is not the name of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a member has 1 to {} octets, not {len}",
    MemberName::MAX_LEN
)]
pub struct MemberNameError {
    len: usize,
}

impl MemberName {
    /// The most octets that a name may have: as in DNS, so that the name of any Kubernetes object fits.
    pub const MAX_LEN: usize = 253;

    /// The name that this text is.
    ///
    /// # Errors
    /// When it is empty or has more than [`MAX_LEN`](Self::MAX_LEN) octets.
    pub fn try_new(name: &str) -> Result<Self, MemberNameError> {
        match name.len() {
            1..=Self::MAX_LEN => Ok(Self(name.into())),
            len => Err(MemberNameError { len }),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberName {
    type Err = MemberNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_new(name)
    }
}

/// So that maps with names as keys can be asked with a text.
impl Borrow<str> for MemberName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

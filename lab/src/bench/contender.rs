//! The programs that can be measured.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use crate::LabError;
use crate::topology::own_binary;

/// One of the two long-running programs of the product, and of MetalLB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Gives addresses.
    Controller,
    /// Announces them.
    Speaker,
}

impl Role {
    /// What its program is called, its ServiceAccount, and the pod that it is told to be.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Speaker => "speaker",
        }
    }
}

/// Whose program.
#[derive(Clone, Debug)]
pub enum Contender {
    /// Ours, which was built beside this one.
    FerroLb,
    /// MetalLB's, by its path.
    MetalLb(PathBuf),
}

impl Contender {
    /// Its program for a role.
    ///
    /// # Errors
    /// When ours has not been built.
    pub(crate) fn program(&self, role: Role) -> Result<Command, LabError> {
        Ok(match self {
            Self::FerroLb => Command::new(own_binary(role.name())?),
            Self::MetalLb(path) => Command::new(path),
        })
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FerroLb => "FerroLB",
            Self::MetalLb(_) => "MetalLB",
        })
    }
}

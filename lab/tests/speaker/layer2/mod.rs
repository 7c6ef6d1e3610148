//! Announcing on the link (compat/metallb.md 8.2): a module for each file of the list there.

mod announcing;

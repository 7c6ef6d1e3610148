//! Who gets which address: MetalLB's end-to-end cases of `assignment.go` (compat/metallb.md 8.2), and what else of
//! them is seen at the API alone.

mod dual_stack;
mod moves;
mod pools;
mod selection;

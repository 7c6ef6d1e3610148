//! File system events to changes of the [`Tree`].

use std::path::Path;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};

use super::tree::{Follow, Tree};

/// Takes in one event. True when what the folder says has changed.
pub(super) fn apply(tree: &mut Tree, event: &notify::Event, follow: Follow<'_>) -> bool {
    if event.need_rescan() {
        return tree.reread(follow);
    }
    let mut changed = false;
    for path in &event.paths {
        changed |= match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => tree.closed(path, follow),
            EventKind::Modify(ModifyKind::Metadata(_)) => tree.touched(path, follow),
            EventKind::Modify(ModifyKind::Data(_)) => tree.being_written(path),
            EventKind::Create(CreateKind::File) if is_opened_file(path) => tree.being_written(path),
            EventKind::Create(_) => tree.closed(path, follow),
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
                tree.vanished(path)
            }
            // Reading, and the pair of a rename whose halves have been told already.
            _ => false,
        };
    }
    changed
}

/// Whether a new file was made by opening it, so that its closing will be told; links come into being complete.
fn is_opened_file(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1)
}

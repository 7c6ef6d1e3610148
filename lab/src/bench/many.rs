//! Many objects, written to the API server a few at a time.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;

use crate::LabError;
use crate::cluster::ControlPlane;
use crate::wait::expect_no_interruption;

/// How many are being written at a time.
const CONCURRENCY: usize = 32;

/// Writes each of them, as one who may do everything.
///
/// # Errors
/// When the server refuses one, and [`LabError::Interrupted`] after an interruption: then those that are left are not
/// written.
pub(super) fn write_each<T, F>(
    plane: &ControlPlane,
    them: Vec<T>,
    write: impl Fn(Client, T) -> F + Send + 'static,
) -> Result<(), LabError>
where
    T: Send + 'static,
    F: Future<Output = Result<(), kube::Error>> + Send + 'static,
{
    let client = plane.client();
    plane.block_on(async move {
        stream::iter(them)
            .map(move |it| expect_no_interruption().map(|()| write(client.clone(), it)))
            .map_ok(|written| async {
                written
                    .await
                    .map_err(LabError::kubernetes("writing a Service"))
            })
            .try_buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    })
}

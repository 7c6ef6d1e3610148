//! The webhook beside the loop or in its place, as `--webhook-mode` says.

use futures_util::TryFutureExt;
use kube::Client;
use tokio::try_join;

use super::{ControllerError, ControllerFlags, WebhookMode};
use crate::source::SourceError;
use crate::translate::TranslateOptions;
use crate::webhook::{Webhook, look_for_leftovers};

/// Does what the mode asks for. `deciding` and the webhook both end when `stop` is ready.
pub(super) async fn beside(
    flags: &ControllerFlags,
    client: &Client,
    options: TranslateOptions,
    deciding: impl Future<Output = Result<(), SourceError>>,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    let mode = flags.webhook.webhook_mode;
    if mode == WebhookMode::Disabled {
        tokio::select! {
            ended = deciding => ended?,
            () = look_for_leftovers(client.clone(), &options.namespace) => {}
        }
        return Ok(());
    }
    let webhook = Webhook::bind(client.clone(), options, &flags.webhook, &flags.admin.tls).await?;
    if mode == WebhookMode::OnlyWebhook {
        webhook.run(stop).await?;
    } else {
        try_join!(
            deciding.err_into(),
            webhook.run(stop).err_into::<ControllerError>()
        )?;
    }
    Ok(())
}

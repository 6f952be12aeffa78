//! Checks released GPUs on their hosts, and wakes the scheduler when one has become clean.

use crate::App;

/// One check in every centre that has unchecked or unclean GPUs.
pub async fn pass(app: &App) {
    for centre in app.centres.iter().filter(|centre| centre.gpus.has_doubts()) {
        let Some(host) = centre.engine.local() else { continue };
        let answer = host.busy_gpus().await;
        if answer.is_ok() && centre.gpus.is_unnumbered() {
            centre.number_gpus().await;
        }
        if centre.gpus.learn(answer) {
            app.scheduler.notify_one();
        }
    }
}

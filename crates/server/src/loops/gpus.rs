//! Asks the hosts about accelerators that were given back, and rings the scheduler when one has become clean.

use crate::App;

/// One look at all centres that have any in doubt.
pub async fn pass(app: &App) {
    for centre in app.centres.iter().filter(|centre| centre.gpus.has_doubts()) {
        let answer = centre.engine.busy_gpus().await;
        if answer.is_ok() && centre.gpus.is_unnumbered() {
            centre.number_gpus().await;
        }
        if centre.gpus.learn(answer) {
            app.scheduler.notify_one();
        }
    }
}

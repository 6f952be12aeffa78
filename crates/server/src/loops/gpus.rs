//! Asks the hosts about accelerators that were given back, and rings the scheduler when one has become clean.

use crate::App;

/// One look at all centres that have any in doubt.
pub async fn pass(app: &App) {
    for centre in app.centres.iter().filter(|centre| centre.gpus.has_doubts()) {
        if centre.gpus.learn(centre.engine.busy_gpus().await) {
            app.scheduler.notify_one();
        }
    }
}

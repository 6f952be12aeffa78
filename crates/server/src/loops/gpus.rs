//! Checks released GPUs on their hosts, and wakes the scheduler when one has become clean.

use futures_util::future::join_all;

use crate::{App, centres::RunningCentre};

/// One check in every centre that has unchecked or unclean GPUs.
pub async fn pass(app: &App) {
    let doubtful = app.centres.iter().filter(|centre| centre.gpus.has_doubts());
    join_all(doubtful.map(|centre| check(app, centre))).await;
}

async fn check(app: &App, centre: &RunningCentre) {
    let Some(host) = centre.engine.local() else { return };
    let answer = host.busy_gpus().await;
    if answer.is_ok() && centre.gpus.is_unnumbered() {
        centre.number_gpus().await;
    }
    if centre.gpus.learn(answer) {
        app.scheduler.notify_one();
    }
}

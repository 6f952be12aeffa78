//! A live job whose row cannot be read: its attempt is observed, its resources and storages stay held, its state stays.

use serde_json::json;

use super::{COMMAND, World, attempts, id, waiting_codes};
use crate::database::damage;

impl World {
    fn damage(&self, name: &str, job: &str) {
        damage(&self.host.dir.path().join("data"), name, job);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_attempt_is_observed_and_its_state_stays_until_the_row_is_corrected() {
    for world in [World::server_placed().await, World::engine_placed().await] {
        let job = world.job(1, json!({})).await;
        world.start(&job, 1).await;
        world.damage("state", &job);
        let world = world.restarted().await;
        world.fake().forget_observed();
        world.pass().await;
        assert!(world.fake().was_observed(&id(&job), 1));
        world.finish(&job, 1, 0).await;
        world.pass().await;
        world.damage("repair of a running job", &job);
        assert_eq!(world.host.detail(&job).await["status"], "Running", "no pass has changed it");
        let ended = world.reaches(&job, "Succeeded").await;
        assert_eq!((attempts(&ended), world.fake().launches().len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_was_requested_before_is_repeated() {
    for (damage, grace) in [("state of a stopping job", 7), ("spec", 30)] {
        let world = World::engine_placed().await;
        let job = world.job(1, json!({"stopGraceSeconds": 7})).await;
        world.start(&job, 1).await;
        world.host.stop(&job).await.ok();
        world.damage(damage, &job);
        let world = world.restarted().await;
        world.pass().await;
        let stops = world.fake().stops();
        assert_eq!(stops.iter().map(|stop| stop.grace_seconds).collect::<Vec<_>>(), [grace], "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_its_resources_or_all_of_the_centre_if_its_row_does_not_say_which() {
    for (damage, free_cores, code) in [("state", 24, None), ("spec", 0, Some("WaitingForCpu"))] {
        let world = World::server_placed().await;
        let job = world.job(1, json!({"resource": {"cpuCores": 40, "memoryGB": 1, "gpuCount": 3}})).await;
        world.start(&job, 1).await;
        world.damage(damage, &job);
        let world = world.restarted().await;
        let other = world.job(1, json!({"resource": {"cpuCores": 24, "memoryGB": 1, "gpuCount": 5}})).await;
        let centre = world.host.get("/v1/aidc/list").await.ok()[0].clone();
        assert_eq!(centre["free"]["cpuCores"], free_cores, "{centre:#}");
        let says_why = centre["notes"].to_string().contains("the row of a live job cannot be read");
        assert_eq!(says_why, code.is_some(), "{centre:#}");
        world.pass().await;
        let detail = world.host.detail(&other).await;
        match code {
            None => assert_eq!(
                world.fake().launches()[1].workers[0]
                    .env
                    .iter()
                    .find(|(name, _)| name == "CUDA_VISIBLE_DEVICES")
                    .unwrap()
                    .1,
                "3,4,5,6,7"
            ),
            Some(code) => assert!(waiting_codes(&detail).contains(&code), "{detail:#}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_storages_are_in_use() {
    for damage in ["state", "spec", "centre"] {
        let world = World::server_placed().await;
        let nas = world.host.dir.path().join("nas");
        std::fs::create_dir(&nas).unwrap();
        for name in ["used", "other"] {
            let storage = json!({"storageId": name, "storageType": "nas-capacity", "path": nas});
            world.host.post("/v1/aidc/1/storage/create", &storage).await.ok();
        }
        let mounts = json!([{"storageId": "used", "mountPath": "/mnt/used"}]);
        let job = world.host.job(COMMAND, json!({"resource": {"memoryGB": "0.1"}, "storageConfigs": mounts})).await;
        world.start(&job, 1).await;
        world.damage(damage, &job);
        let delete = async |name: &str| world.host.delete(&format!("/v1/aidc/1/storage/{name}/delete")).await;
        let refused = delete("used").await;
        assert_eq!((refused.status, refused.body.to_string().contains(&job)), (409, true), "{}", refused.body);
        assert_eq!(delete("other").await.status, if damage == "spec" { 409 } else { 200 }, "{damage}");
        world.damage("end without a state", &job);
        assert_eq!(delete("used").await.status, 200);
    }
}

//! Which account is which user on which socket.

use trainyard_engine::peer::Peer;

use super::{Accounts, Door, LocalPeer};
use crate::config::AccountTable;

const OWN: u32 = 990;
const OTHER: u32 = 1001;

fn accounts(table: &str) -> Accounts {
    let table: AccountTable = toml::from_str(table).unwrap();
    Accounts { own_uid: OWN, ..Accounts::new(&table, true) }
}

/// The decision as one text: user, project and role, or a part of the refusal.
fn decision(accounts: &Accounts, uid: u32, name: &str, door: Door) -> String {
    let peer = LocalPeer::new(Peer { uid, shares_pid_namespace: true }, door);
    match accounts.decide(&peer, name) {
        Ok(actor) => format!("{} {} {}", actor.user, actor.project, actor.role.as_str()),
        Err(why) => why,
    }
}

#[test]
fn the_owner_of_the_server_is_the_administrator_in_the_data_directory_only() {
    let none = accounts("");
    for (uid, name) in [(0, "root"), (OWN, "trainyard")] {
        assert_eq!(decision(&none, uid, name, Door::DataDir), "admin default admin", "{name}");
        let refused = decision(&none, uid, name, Door::Public);
        assert!(refused.contains("--data-dir"), "{refused}");
    }
    let refused = decision(&none, OTHER, "alice", Door::DataDir);
    assert!(refused.contains("map alice in [accounts]"), "{refused}");
}

#[test]
fn an_account_has_the_user_project_and_role_of_its_entry() {
    let some = accounts(
        "[alice]\n[bob]\nuser = 'robert'\nproject = 'vision'\nrole = 'viewer'\n[root]\nuser = 'ops'\n\
         [trainyard]\nproject = 'infra'\nrole = 'manager'",
    );
    for (uid, name, door, expected) in [
        (OTHER, "alice", Door::Public, "alice default member"),
        (OTHER, "bob", Door::Public, "robert vision viewer"),
        (0, "root", Door::DataDir, "ops default admin"),
        (0, "root", Door::Public, "ops default member"),
        (OWN, "trainyard", Door::DataDir, "admin infra manager"),
    ] {
        assert_eq!(decision(&some, uid, name, door), expected, "{name} at {door:?}");
    }
    let refused = decision(&some, OTHER, "carol", Door::Public);
    assert!(refused.contains("carol has no user"), "{refused}");
}

#[test]
fn the_entry_for_every_other_account_makes_each_account_a_user() {
    let all = accounts("['*']\nproject = 'lab'");
    assert_eq!(decision(&all, OTHER, "carol", Door::Public), "carol lab member");
    for (uid, name) in [(OTHER, "DOMAIN\\carol"), (OTHER, "uid 1001"), (0, "root"), (OWN, "trainyard")] {
        let refused = decision(&all, uid, name, Door::Public);
        assert!(refused.contains("API key"), "{name}: {refused}");
    }
}

#[tokio::test]
async fn an_account_proves_nothing_for_a_process_that_may_be_a_worker() {
    let ours = LocalPeer::new(Peer { uid: OWN, shares_pid_namespace: true }, Door::DataDir);
    let apart = accounts("");
    assert!(apart.actor(&ours).await.is_ok());
    let mixed = Accounts { jobs_are_apart: false, ..apart.clone() };
    let refused = mixed.actor(&ours).await.unwrap_err().to_string();
    assert!(refused.contains("not isolated"), "{refused}");
    let elsewhere = LocalPeer::new(Peer { uid: OWN, shares_pid_namespace: false }, Door::DataDir);
    let refused = apart.actor(&elsewhere).await.unwrap_err().to_string();
    assert!(refused.contains("PID namespace"), "{refused}");
}

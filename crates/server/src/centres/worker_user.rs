//! The user of the host that the workers of a job run as, by the configuration of its centre and the job's owner.

use std::ops::RangeInclusive;

use trainyard_domain::{
    access::{Actor, Role},
    fault::{Fault, FaultCode},
};
use trainyard_engine::WorkerUser;
use trainyard_store::Store;

use super::{Centres, RunningCentre};
use crate::{config::RunAs, failure::Failure};

/// Accounts below this id belong to the system: databases, daemons. A user's name alone must not lead to one.
const FIRST_ORDINARY_ID: u32 = 1000;

impl RunningCentre {
    /// Whether jobs would run as root although the configuration does not say so. Only admins may create jobs then.
    pub(crate) fn serves_admins_only(&self) -> bool {
        self.config.run_as == RunAs::Server && self.runs_as_root()
    }

    /// Whether workers run as root.
    pub(crate) fn runs_as_root(&self) -> bool {
        self.engine.local().is_some_and(|host| host.runs_as_root(&WorkerUser::Server))
            && !self.config.run_as.needs_other_users()
    }

    /// The user that the workers of this owner's jobs run as; a message if there is none. A new user of the pool gets
    /// its id here.
    ///
    /// Errors: those of the store and of the engine.
    pub(crate) async fn worker_user(
        &self,
        store: &Store,
        pool: &RangeInclusive<u32>,
        owner: &str,
    ) -> Result<Result<WorkerUser, String>, Failure> {
        match &self.config.run_as {
            RunAs::Server | RunAs::Root => Ok(Ok(WorkerUser::Server)),
            RunAs::Account(name) => Ok(Ok(WorkerUser::Account(name.clone()))),
            RunAs::Submitter => self.submitter(owner).await,
            RunAs::Pool => match store.pool_uid(owner, pool.clone()).await? {
                Some(id) => Ok(Ok(WorkerUser::Id { id, name: owner.to_owned() })),
                None => Ok(Err(format!(
                    "centre {} runs jobs under a user id for each user, and all of {}-{} are given to other users: widen \
                     `pool_uids` in the configuration",
                    self.config.id,
                    pool.start(),
                    pool.end()
                ))),
            },
        }
    }

    /// The user of a previewed job, as far as its environment depends on it. A preview gives no id of the pool away.
    pub(crate) fn previewed_user(&self, owner: &str) -> WorkerUser {
        match &self.config.run_as {
            RunAs::Server | RunAs::Root => WorkerUser::Server,
            RunAs::Account(name) => WorkerUser::Account(name.clone()),
            RunAs::Submitter => WorkerUser::Account(self.account(owner).to_owned()),
            RunAs::Pool => WorkerUser::Id { id: u32::MAX - 1, name: owner.to_owned() },
        }
    }

    /// The name of the account for a Trainyard user with `run_as = "submitter"`.
    fn account<'n>(&'n self, owner: &'n str) -> &'n str {
        self.config.accounts.get(owner).map_or(owner, String::as_str)
    }

    /// The account of the host for a Trainyard user; a message if there is none.
    async fn submitter(&self, owner: &str) -> Result<Result<WorkerUser, String>, Failure> {
        let Some(host) = self.engine.local() else { return Ok(Ok(WorkerUser::Server)) };
        let account = self.account(owner);
        let user = WorkerUser::Account(account.to_owned());
        let why = match host.find_user(&user).await? {
            Ok(uid) if !self.config.accounts.contains_key(owner) && uid < FIRST_ORDINARY_ID => {
                format!("its id {uid} is below {FIRST_ORDINARY_ID}, so it belongs to the system")
            }
            Ok(_) => return Ok(Ok(user)),
            Err(why) => why,
        };
        Ok(Err(format!(
            "centre {} runs the jobs of user {owner} as the account {account}: {why}. Create the account, or name another \
             one in `accounts` of the centre",
            self.config.id
        )))
    }

    /// Why this caller cannot create a job of this owner here, as far as that depends on the user of the workers.
    ///
    /// Errors: those of the engine.
    pub(crate) async fn user_fault(&self, actor: &Actor, owner: &str) -> Result<Option<Fault>, Failure> {
        let fault = |message: String| Fault { path: "aidcId".to_owned(), code: FaultCode::NotSupported, message };
        if self.serves_admins_only() && actor.role != Role::Admin {
            let id = self.config.id;
            let message = format!("jobs of centre {id} run as root, so only admins may create them: {HOW_TO_SAY}");
            return Ok(Some(fault(message)));
        }
        match self.config.run_as {
            RunAs::Submitter => Ok(self.submitter(owner).await?.err().map(fault)),
            _ => Ok(None),
        }
    }
}

/// The way out of [`RunningCentre::serves_admins_only`].
pub(crate) const HOW_TO_SAY: &str = "set `run_as` of the centre in the configuration to \"submitter\", \"pool\", an account, or \
                          \"root\", and restart the server";

impl Centres {
    /// Why a key for this user would be of no use: its jobs would run as root, and no configuration says so.
    pub(crate) fn refuses_other_users(&self) -> Option<String> {
        let centre = self.iter().find(|centre| centre.serves_admins_only())?;
        Some(format!(
            "the server runs as root, and centre {} does not say as which user jobs run, so it serves its admin alone: \
             {HOW_TO_SAY}",
            centre.config.id
        ))
    }
}

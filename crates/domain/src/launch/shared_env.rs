//! The environment of all workers of an attempt, which has once what the workers share.
//!
//! A job may have thousands of workers and hundreds of kilobytes of variables. So nothing that is stored or sent for every
//! worker contains a whole environment.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::LaunchFacts;
use crate::framework::{LaunchValue, launch_table};

/// The variables that all workers of an attempt get.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Eq)]
pub struct SharedEnv {
    /// The variables with the same text on every rank, by name.
    pub variables: BTreeMap<String, String>,
    /// The variables with a text in which only the rank differs. They replace those of the same name above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<RankedVariable>,
}

/// A variable whose text is the rank between two texts that all workers share.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct RankedVariable {
    /// The name of the variable.
    pub name: String,
    /// What stands before the rank.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// What stands after the rank.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
}

impl SharedEnv {
    /// Whether it has no variable at all, as in records of versions that wrote each environment whole.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.ranked.is_empty()
    }

    /// The environment of a rank, with the variables that only that rank has. The latter replace shared ones.
    pub fn of_rank<'a>(&'a self, rank: u32, own: &'a [(String, String)]) -> BTreeMap<&'a str, Cow<'a, str>> {
        let shared = self.variables.iter().map(|(name, text)| (name.as_str(), Cow::Borrowed(text.as_str())));
        let ranked = self.ranked.iter().map(|variable| {
            let RankedVariable { name, before, after } = variable;
            (name.as_str(), Cow::Owned(format!("{before}{rank}{after}")))
        });
        let own = own.iter().map(|(name, text)| (name.as_str(), Cow::Borrowed(text.as_str())));
        shared.chain(ranked).chain(own).collect()
    }
}

/// Shows only the names: users put tokens into the values.
impl fmt::Debug for SharedEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        f.debug_struct("SharedEnv").field("variables", &names).field("ranked", &self.ranked).finish()
    }
}

impl LaunchFacts<'_> {
    /// What all workers share. With [`Self::own`] it is [`Self::env`] of each rank.
    pub fn shared(&self) -> SharedEnv {
        let mut variables = self.inherited();
        variables.extend(self.assignments_of(0, |value| in_ranks(value) == InRanks::Same));
        let ranked = |name: &str, [before, after]: [String; 2]| RankedVariable { name: name.to_owned(), before, after };
        let table = launch_table(self.spec.framework, self.rendezvous.spread);
        let ranked = table.filter_map(|variable| match variable.value {
            LaunchValue::Rank => Some(ranked(variable.name, Default::default())),
            LaunchValue::TfConfig => Some(ranked(variable.name, self.tf_config_around_rank())),
            _ => None,
        });
        SharedEnv { variables, ranked: ranked.collect() }
    }

    /// The variables that only this rank has: its GPUs.
    pub fn own(&self, rank: u32) -> Vec<(String, String)> {
        let table = launch_table(self.spec.framework, self.rendezvous.spread);
        let own = table.filter(|variable| in_ranks(variable.value) == InRanks::Own);
        own.filter_map(|variable| Some((variable.name.to_owned(), self.text(variable.value, rank)?))).collect()
    }
}

/// How the texts of a value differ between the ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InRanks {
    Same,
    /// Only the rank in it differs.
    Ranked,
    Own,
}

fn in_ranks(value: LaunchValue) -> InRanks {
    match value {
        LaunchValue::Rank | LaunchValue::TfConfig => InRanks::Ranked,
        LaunchValue::VisibleGpus => InRanks::Own,
        _ => InRanks::Same,
    }
}

//! Reading the output of the training: epochs, accuracy, samples and final parameters of each rank.

#[cfg(test)]
mod tests;

/// Number of workers of the demo's job.
const RANKS: usize = 2;
/// The accuracy on the test set that the training must exceed, 0 to 1.
const LEAST_ACCURACY: f64 = 0.95;

/// The current and the last epoch if the line contains something like `epoch 3/20`.
pub(super) fn epoch(line: &str) -> Option<(u64, u64)> {
    let lower = line.to_lowercase();
    let after = lower.split_once("epoch")?.1.trim_start_matches([' ', ':', '=']);
    let (epoch, rest) = after.split_once('/')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| rest.split_at(end).0);
    let (epoch, of) = (epoch.trim().parse().ok()?, digits.parse().ok()?);
    (of > 0 && epoch <= of).then_some((epoch, of))
}

/// Values found in the output of all ranks.
#[derive(Debug, Default)]
pub(super) struct Findings {
    accuracy: Option<f64>,
    hashes: Vec<String>,
    /// First and last number of the samples of each rank.
    shards: Vec<(u64, u64)>,
}

impl Findings {
    /// Adds the values in one line.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(accuracy) = accuracy(line) {
            self.accuracy = Some(accuracy);
        }
        self.hashes.extend(hash(line).map(str::to_owned));
        self.shards.extend(shard(line));
    }

    /// The reasons why the training counts as failed; empty if it is as expected.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.accuracy {
            None => faults.push("no accuracy was printed".to_owned()),
            Some(accuracy) if accuracy <= LEAST_ACCURACY => {
                faults.push(format!("its accuracy is {accuracy}, not above {LEAST_ACCURACY}"));
            }
            Some(_) => {}
        }
        if self.hashes.len() != RANKS {
            faults.push(format!("{} of {RANKS} ranks printed the hash of their final parameters", self.hashes.len()));
        } else if !self.hashes.windows(2).all(|pair| pair.first() == pair.last()) {
            faults.push("the ranks ended with different parameters".to_owned());
        }
        let mut shards = self.shards.clone();
        shards.sort_unstable();
        if shards.windows(2).any(|pair| matches!(pair, [(_, last), (first, _)] if last >= first)) {
            faults.push("the ranks trained on the same samples".to_owned());
        }
        faults
    }
}

/// The number after `accuracy`. The last such line of a training is the accuracy on the test set.
fn accuracy(line: &str) -> Option<f64> {
    let lower = line.to_lowercase();
    let after = lower.rsplit_once("accuracy")?.1.trim_start_matches([' ', ':', '=']);
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    after.split_at(end).0.parse().ok().filter(|number| (0.0..=1.0).contains(number))
}

/// The range after ` numbers `, as in `rank 0 saw 9 samples, numbers 0-717 of 1437`.
fn shard(line: &str) -> Option<(u64, u64)> {
    let (first, rest) = line.split_once(" numbers ")?.1.split_once('-')?;
    let last = rest.split_whitespace().next()?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// A SHA-256 hash in a line, in hexadecimal.
fn hash(line: &str) -> Option<&str> {
    let is_hash = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split(|c: char| !c.is_ascii_alphanumeric()).find(is_hash)
}

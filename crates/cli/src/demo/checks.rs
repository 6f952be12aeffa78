//! What the demo reads in the training's lines: epochs, accuracy, and what each rank ended with.

#[cfg(test)]
mod tests;

/// How many ranks train.
const RANKS: usize = 2;
/// Below this, the model has learned too little.
const LEAST_ACCURACY: f64 = 0.95;

/// `epoch 3/20` anywhere in a line.
pub(super) fn epoch(line: &str) -> Option<(u64, u64)> {
    let lower = line.to_lowercase();
    let after = lower.split_once("epoch")?.1.trim_start_matches([' ', ':', '=']);
    let (epoch, rest) = after.split_once('/')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| rest.split_at(end).0);
    let (epoch, of) = (epoch.trim().parse().ok()?, digits.parse().ok()?);
    (of > 0 && epoch <= of).then_some((epoch, of))
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    accuracy: Option<f64>,
    hashes: Vec<String>,
    /// First and last number of the samples that each rank saw.
    shards: Vec<(u64, u64)>,
}

impl Findings {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(accuracy) = accuracy(line) {
            self.accuracy = Some(accuracy);
        }
        self.hashes.extend(hash(line).map(str::to_owned));
        self.shards.extend(shard(line));
    }

    /// What is not as it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.accuracy {
            None => faults.push("no accuracy was printed".to_owned()),
            Some(accuracy) if accuracy <= LEAST_ACCURACY => {
                faults.push(format!("its accuracy is {accuracy}, not over {LEAST_ACCURACY}"));
            }
            Some(_) => {}
        }
        if self.hashes.len() != RANKS {
            faults.push(format!("{} of {RANKS} ranks said which parameters they ended with", self.hashes.len()));
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

/// The number after `accuracy`; the last line that has one is about the test.
fn accuracy(line: &str) -> Option<f64> {
    let lower = line.to_lowercase();
    let after = lower.rsplit_once("accuracy")?.1.trim_start_matches([' ', ':', '=']);
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    after.split_at(end).0.parse().ok().filter(|number| (0.0..=1.0).contains(number))
}

/// `numbers 0-717` in a line that says what a rank saw.
fn shard(line: &str) -> Option<(u64, u64)> {
    let (first, rest) = line.split_once(" numbers ")?.1.split_once('-')?;
    let last = rest.split_whitespace().next()?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// A SHA-256 in a line.
fn hash(line: &str) -> Option<&str> {
    let is_hash = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split(|c: char| !c.is_ascii_alphanumeric()).find(is_hash)
}

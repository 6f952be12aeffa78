//! What the logs of a training must show: the model learned, both ranks trained together, and each rank used its own
//! part of the data.

/// The number of handwritten digits in the training set.
const SAMPLES: u32 = 1437;

/// Checks the lines that the examples print. The ranks may have separate logs or share one.
pub(super) fn check(logs: &[String]) {
    let text = logs.join("\n");
    let lines = |begin: &str| text.lines().filter_map(|line| rest(line, begin)).map(str::to_owned).collect::<Vec<_>>();
    let accuracy = lines("test accuracy ");
    assert_eq!(accuracy.len(), 1, "{text}");
    assert!(accuracy[0].trim().parse::<f64>().unwrap() > 0.95, "{text}");

    let mut shards = Vec::new();
    let mut hashes = Vec::new();
    for rank in 0..2 {
        hashes.extend(lines(&format!("rank {rank} parameters sha256 ")));
        let saw = lines(&format!("rank {rank} saw "));
        assert_eq!(saw.len(), 1, "{text}");
        shards.push(shard(&saw[0]));
    }
    assert_eq!(hashes.len(), 2, "{text}");
    assert_eq!(hashes[0], hashes[1], "{text}");
    assert!(hashes[0].len() == 64 && hashes[0].bytes().all(|digit| digit.is_ascii_hexdigit()), "{text}");
    shards.sort_unstable();
    let [(first, middle), (next, last)] = shards[..] else { panic!("{text}") };
    assert_eq!((first, next, last), (0, middle + 1, SAMPLES - 1), "{text}");
    assert!(middle > SAMPLES / 3 && middle < SAMPLES / 3 * 2, "{text}");
    assert!(text.contains("epoch 1/") && text.contains(" loss "), "{text}");
}

/// Returns the rest of a line after `begin`, which a launcher may have prefixed.
fn rest<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    let at = line.find(begin)?;
    line.get(at + begin.len()..)
}

/// Parses the first and last number of `718 samples, numbers 719-1436 of 1437`.
fn shard(text: &str) -> (u32, u32) {
    let (count, rest) = text.split_once(" samples, numbers ").unwrap();
    let (range, total) = rest.split_once(" of ").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let [count, first, last, total]: [u32; 4] = [count, first, last, total].map(|n| n.trim().parse().unwrap());
    assert_eq!((last - first + 1, total), (count, SAMPLES), "{text}");
    (first, last)
}

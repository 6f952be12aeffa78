use super::*;

#[test]
fn a_cut_is_read_as_it_was_written_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = path(&dir.path().join("worker-0.log"));
    assert_eq!(path, dir.path().join("worker-0.cut"));
    assert_eq!(read(&path).unwrap(), Cut::default());
    for (from, to) in [(0, 0), (7, 9), (7, u64::MAX), (1 << 40, 1 << 50)] {
        write(&path, Cut { from, to }).unwrap();
        assert_eq!(read(&path).unwrap(), Cut { from, to });
    }
}

#[test]
fn an_unfinished_record_counts_as_none_and_a_damaged_one_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker-0.cut");
    for half in [&b""[..], &[1; 23]] {
        std::fs::write(&path, half).unwrap();
        assert_eq!(read(&path).unwrap(), Cut::default());
    }
    std::fs::write(&path, [1; 24]).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("damaged"));
}

#[test]
fn readers_never_see_half_of_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker-0.cut");
    let cuts = [Cut { from: 4096, to: 1 << 33 }, Cut { from: 4096, to: (1 << 33) - 1 }];
    write(&path, cuts[0]).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..20_000).for_each(|round| write(&path, cuts[round % 2]).unwrap()));
        while !writer.is_finished() {
            assert!(cuts.contains(&read(&path).unwrap()));
        }
    });
}

#[test]
fn a_cut_gives_the_next_and_the_last_offset_with_bytes() {
    let cut = Cut { from: 10, to: 20 };
    for (offset, after, before) in
        [(0, 0, 10), (9, 9, 10), (10, 20, u64::MAX), (19, 20, u64::MAX), (20, 20, u64::MAX), (99, 99, u64::MAX)]
    {
        assert_eq!((cut.after(offset), cut.before(offset)), (after, before), "{offset}");
    }
    for (from, to, meets) in [(0, 10, false), (0, 11, true), (19, 30, true), (20, 30, false), (15, 15, false)] {
        assert_eq!(cut.meets(from, to), meets, "{from}..{to}");
    }
    assert_eq!((Cut::default().after(0), Cut::default().before(0)), (0, u64::MAX));
}

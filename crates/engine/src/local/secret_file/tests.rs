use std::io::Write as _;

use super::*;

#[test]
fn the_values_come_back_and_the_file_never_changes() {
    let value = |text: &str| SecretText::parse(text).unwrap();
    let secrets = vec![("A".to_owned(), value("one\n\"two\"")), ("变量".to_owned(), value(&"密".repeat(20_000)))];
    let mut file = write(&secrets).unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(read(&file).unwrap(), secrets);
    }
    assert!(file.write_all(b"x").is_err());
    assert!(file.set_len(0).is_err());
    assert!(write(&[]).unwrap().is_none());
}

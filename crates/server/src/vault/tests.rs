//! What opens a sealed text, and what does not.

use tempfile::TempDir;

use super::*;

/// A key and a text that it sealed, as the first version with secrets wrote them.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn place(project: &str, user: Option<&str>, name: &str) -> SecretPlace {
    SecretPlace { project: project.to_owned(), user: user.map(str::to_owned), name: name.to_owned() }
}

fn vault(key: &str) -> (TempDir, Vault) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(SECRET_KEY_FILE), key).unwrap();
    let vault = Vault::open(dir.path());
    (dir, vault)
}

fn text(text: &str) -> SecretText {
    SecretText::parse(text).unwrap()
}

#[test]
fn a_text_opens_only_at_its_place_and_with_its_key() {
    let (_dir, vault) = vault(KEY);
    let home = place("vision", None, "wandb");
    for value in ["x", "two\nlines", &"密".repeat(9999)] {
        let sealed = vault.seal(&home, &text(value)).unwrap();
        assert_eq!(vault.unseal(&home, &sealed), Ok(text(value)));
        assert_ne!(vault.seal(&home, &text(value)).unwrap(), sealed, "each seal has its own nonce");
        for other in [
            place("speech", None, "wandb"),
            place("vision", Some("alice"), "wandb"),
            place("vision", None, "wand"),
            place("visionw", None, "andb"),
            place("vision", Some("w"), "andb"),
        ] {
            assert!(vault.unseal(&other, &sealed).unwrap_err().contains("another secret"), "{other:?}");
        }
        let (_dir, stranger) = self::vault(&"7".repeat(64));
        assert!(stranger.unseal(&home, &sealed).is_err());
    }
}

#[test]
fn a_changed_or_cut_text_does_not_open() {
    let (_dir, vault) = vault(KEY);
    let home = place("vision", None, "wandb");
    let sealed = vault.seal(&home, &text("hunter2")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(bytes).unwrap()
    };
    let changed = (FORM.len()..sealed.len()).map(flipped);
    let cut = (0..sealed.len()).map(|end| sealed[..end].to_owned());
    for other in changed.chain(cut).chain([format!("2:{}", &sealed[2..]), sealed.to_uppercase(), sealed.clone() + "00"])
    {
        assert!(vault.unseal(&home, &other).is_err(), "{other}");
    }
}

#[test]
fn the_key_is_created_once_with_mode_0600_and_read_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(SECRET_KEY_FILE);
    let first = Vault::open(dir.path());
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let second = Vault::open(dir.path());
    assert_eq!(mode(), 0o600, "a copy from elsewhere is closed");
    let home = place("vision", None, "wandb");
    assert_eq!(second.unseal(&home, &first.seal(&home, &text("hunter2")).unwrap()), Ok(text("hunter2")));
    assert!(second.opens(first.key_id().unwrap()));
    let other = Vault::open(TempDir::new().unwrap().path());
    assert!(!other.opens(first.key_id().unwrap()));
}

#[test]
fn a_damaged_key_file_stays_and_says_why_secrets_cannot_be_used() {
    for damaged in ["", "short", &"0".repeat(63), &"g".repeat(64)] {
        let (dir, vault) = vault(damaged);
        let home = place("vision", None, "wandb");
        let Err(Failure::Unavailable(why)) = vault.seal(&home, &text("x")) else { panic!("{damaged:?} sealed") };
        assert!(why.contains("secret.key is not a key of 64 hexadecimal digits"), "{why}");
        assert_eq!(vault.unseal(&home, "1:00").unwrap_err(), why);
        assert_eq!(fs::read_to_string(dir.path().join(SECRET_KEY_FILE)).unwrap(), damaged);
    }
}

#[test]
fn debug_output_does_not_contain_the_key() {
    let (_dir, vault) = vault(KEY);
    let printed = format!("{vault:?}");
    assert!(printed.contains(vault.key_id().unwrap()) && !printed.contains(&KEY[..16]), "{printed}");
}

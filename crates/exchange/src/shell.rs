//! Words of the shell: quotes any text so that the shell changes nothing in it, and reads quoted words back.

/// Text as one word of bash. Control characters are written as escapes: Slurm refuses scripts with carriage returns, and an
/// editor would not show the others.
pub(super) fn bash_word(text: &str) -> String {
    let is_odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_odd) {
        return quoted(text);
    }
    let mut word = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => word.extend(['\\', c]),
            '\r' => word.push_str("\\r"),
            c if is_odd(c) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    word.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => word.push(c),
        }
    }
    word.push('\'');
    word
}

/// Text as one word of any shell, in single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text as one word of any shell, without quotes if it needs none.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// Reads the first word of a text, written as by [`bash_word`], and returns it with the text after it. `None` for anything
/// else: a variable, a substitution, a quote without end.
pub(super) fn read_word(text: &str) -> Option<(String, &str)> {
    let mut read = Vec::new();
    let mut rest = text;
    loop {
        if let Some(inner) = rest.strip_prefix("$'") {
            rest = read_escapes(inner, &mut read)?;
        } else if let Some(inner) = rest.strip_prefix('\'') {
            let (plain, after) = inner.split_once('\'')?;
            read.extend_from_slice(plain.as_bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\\'") {
            read.push(b'\'');
            rest = after;
        } else {
            let is_word = rest.len() < text.len();
            return is_word.then(|| String::from_utf8(read).ok())?.map(|word| (word, rest));
        }
    }
}

/// Reads up to the closing quote of `$'…'` and returns the text after the quote.
fn read_escapes<'t>(text: &'t str, read: &mut Vec<u8>) -> Option<&'t str> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => return Some(chars.as_str()),
            '\\' => match chars.next()? {
                c @ ('\'' | '\\') => read.extend(c.to_string().bytes()),
                'r' => read.push(b'\r'),
                'n' => read.push(b'\n'),
                't' => read.push(b'\t'),
                'x' => {
                    let digits = chars.as_str().get(..2)?;
                    read.push(u8::from_str_radix(digits, 16).ok()?);
                    chars = chars.as_str().get(2..)?.chars();
                }
                _ => return None,
            },
            c => read.extend(c.to_string().bytes()),
        }
    }
    None
}

use super::*;

#[test]
fn decoding_inverts_encoding_for_every_byte() {
    let all: [u8; 256] = std::array::from_fn(|byte| u8::try_from(byte).unwrap());
    let text = encode(&all);
    assert_eq!(text.get(..8), Some("00010203"));
    assert_eq!(text.get(text.len() - 4..), Some("feff"));
    assert_eq!(decode(&text), Some(all));
    assert_eq!(decode_all(&text), Some(all.to_vec()));
    assert_eq!(decode_all(""), Some(Vec::new()));
}

#[test]
fn only_the_written_form_is_accepted() {
    assert_eq!(decode("0aff"), Some([10, 255]));
    for text in ["", "0a", "0af", "0affff", "0AFF", "0afg", "+aff", "0a f", "é0a"] {
        assert_eq!(decode::<2>(text), None, "{text}");
    }
    for text in ["0", "0af", "0AFF", "0afg", "+aff", "0a f", "é0a"] {
        assert_eq!(decode_all(text), None, "{text}");
    }
}

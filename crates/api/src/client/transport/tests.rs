use super::*;

#[test]
fn loopback_is_recognised_in_all_spellings() {
    for (url, expected) in [
        ("http://127.0.0.1:8470", true),
        ("http://127.9.9.9", true),
        ("http://localhost:1", true),
        ("https://LOCALHOST.", true),
        ("http://a.localhost/", true),
        ("http://[::1]:8470", true),
        ("http://[::ffff:127.0.0.1]", true),
        ("http://0.0.0.0:1", false),
        ("http://localhost.example.com", false),
        ("http://notlocalhost", false),
        ("http://10.0.0.1", false),
        ("https://trainyard.example.com", false),
    ] {
        assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
    }
}

#[test]
fn only_plain_http_addresses_and_paths_of_sockets_are_accepted() {
    for (text, taken) in [
        ("http://127.0.0.1:8470", true),
        (" https://host/prefix/ ", true),
        ("127.0.0.1:8470", false),
        ("host:8470", false),
        ("ftp://host", false),
        ("http://user:pass@host", false),
        ("http://host/?a=1", false),
        ("", false),
        ("unix:/run/trainyard/server.sock", true),
        ("unix:server.sock", false),
        ("unix:", false),
    ] {
        assert_eq!(address(text).is_ok(), taken, "{text}");
    }
}

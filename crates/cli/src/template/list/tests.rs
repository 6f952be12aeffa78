use super::*;

#[test]
fn labels_of_several_options_are_one_parameter() {
    for (given, expected) in [
        (&[][..], None),
        (&["team=vision"], Some("team=vision")),
        (&["team=vision", "stage"], Some("team=vision,stage")),
        (&[r"a=1,2", r"b\=3"], Some(r"a=1\,2,b\\=3")),
    ] {
        let given: Vec<_> = given.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(labels(&given).as_deref(), expected);
    }
}

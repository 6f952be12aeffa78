use super::*;

#[test]
fn a_text_without_a_name_takes_that_of_its_file() {
    for (file, text, name) in [
        ("/a/train.sbatch", "#!/bin/sh\n#SBATCH -N2\ntrue\n", Some("train")),
        ("/a/train.sbatch", "#!/bin/sh\n#SBATCH -J digits\ntrue\n", None),
        ("t.yaml", "priority: 1", Some("t")),
        ("t.yaml", "name: n", None),
        ("t.yaml", "name: [", Some("t")),
        ("-", "priority: 1", None),
    ] {
        assert_eq!(name_of_file(Path::new(file), text).as_deref(), name, "{file} {text}");
    }
}

use super::*;

#[test]
fn a_text_without_a_name_takes_that_of_its_file() {
    let yaml = Some(ImportFormat::Yaml);
    for (file, text, format, name) in [
        ("/a/train.sbatch", "#!/bin/sh\n#SBATCH -N2\ntrue\n", None, Some("train")),
        ("/a/train.sbatch", "#!/bin/sh\n#SBATCH -J digits\ntrue\n", None, None),
        ("t.yaml", "priority: 1", None, Some("t")),
        ("t.yaml", "name: n", None, None),
        ("t.yaml", "name: [", None, Some("t")),
        // As a script it would have no name; as YAML its first line is a comment.
        ("t.yaml", "#!a comment\nname: n", None, Some("t")),
        ("t.yaml", "#!a comment\nname: n", yaml, None),
        ("-", "priority: 1", None, None),
    ] {
        assert_eq!(name_of_file(Path::new(file), text, format).as_deref(), name, "{file} {text}");
    }
}

use super::*;

#[test]
fn a_list_says_when_there_is_more() {
    for (page_no, records, rest) in
        [(1, 2, "\n(2 of 5; next: --page 2)"), (2, 2, "\n(4 of 5; next: --page 3)"), (3, 1, ""), (4, 0, "")]
    {
        let page = Page { records: vec![(); records], page_no, page_size: 2, total_rows: 5 };
        assert_eq!(with_rest(String::new(), &page), rest);
    }
}

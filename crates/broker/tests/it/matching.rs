//! Topic filters against topics [MQTT-4.7].

use broker::FilterTree;

fn check(filter: &str, topic: &str, expected: bool) {
    let mut tree = FilterTree::default();
    tree.insert(filter, "key", ());
    let mut found = 0;
    tree.matches(topic, &mut |_, ()| found += 1);
    assert_eq!(found, usize::from(expected), "{filter} against {topic}");
    tree.remove(filter, &"key");
    tree.matches(topic, &mut |_, ()| panic!("{filter} is still there after its removal"));
}

#[test]
fn a_filter_matches_level_by_level() {
    check("sport/tennis", "sport/tennis", true);
    check("sport/tennis", "sport/tennis/player", false);
    check("sport/tennis/", "sport/tennis", false);
    check("/sport", "/sport", true);
    check("sport", "/sport", false);
}

#[test]
fn plus_stands_for_one_level_even_an_empty_one() {
    check("sport/+/player", "sport/tennis/player", true);
    check("sport/+", "sport/", true);
    check("sport/+", "sport", false);
    check("+/+", "/finance", true);
    check("+", "/finance", false);
}

#[test]
fn hash_stands_for_the_level_above_it_and_all_below() {
    check("sport/#", "sport", true);
    check("sport/#", "sport/tennis/player", true);
    check("#", "a/b/c", true);
    check("sport/+/#", "sport", false);
    check("sport/+/#", "sport/tennis", true);
}

#[test]
fn wildcards_at_the_first_level_leave_dollar_topics_alone() {
    check("#", "$SYS/uptime", false);
    check("+/uptime", "$SYS/uptime", false);
    check("$SYS/#", "$SYS/uptime", true);
    check("$SYS/+", "$SYS/uptime", true);
}

#[test]
fn removing_one_key_leaves_the_others() {
    let mut tree = FilterTree::default();
    tree.insert("a/b", 1, ());
    tree.insert("a/b", 2, ());
    tree.insert("a/b/c", 3, ());
    tree.remove("a/b", &1);
    let mut found = Vec::new();
    tree.matches("a/b", &mut |key, ()| found.push(*key));
    tree.matches("a/b/c", &mut |key, ()| found.push(*key));
    assert_eq!(found, [2, 3]);
}

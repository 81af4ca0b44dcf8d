//! Which subscriptions a topic matches, in time that does not grow with their number [MQTT-4.7].

use std::collections::BTreeMap;

/// Topic filters as a tree of levels, with a value for each key that holds a filter.
///
/// `sport/+/player` matches `sport/tennis/player`; `sport/#` matches `sport` and all below it; neither `#` nor `+`
/// at the first level matches a topic that begins with `$`.
#[derive(Clone, Debug)]
pub struct FilterTree<K, V> {
    children: BTreeMap<String, FilterTree<K, V>>,
    here: BTreeMap<K, V>,
}

impl<K: Ord + Clone, V: Copy> FilterTree<K, V> {
    /// Adds or replaces the filter of a key.
    pub fn insert(&mut self, filter: &str, key: K, value: V) {
        let mut node = self;
        for level in filter.split('/') {
            node = node.children.entry(level.to_owned()).or_default();
        }
        node.here.insert(key, value);
    }

    /// Removes the filter of a key, and the branches that nobody needs any more.
    pub fn remove(&mut self, filter: &str, key: &K) {
        match filter.split_once('/') {
            Some((level, rest)) => self.prune(level, |node| node.remove(rest, key)),
            None => self.prune(filter, |node| {
                node.here.remove(key);
            }),
        }
    }

    /// Calls `found` for each filter that matches; a key with overlapping filters is met once for each.
    pub fn matches(&self, topic: &str, found: &mut impl FnMut(&K, V)) {
        let (level, rest) = split(topic);
        if !topic.starts_with('$') {
            self.walk_wildcards(rest, found);
        }
        if let Some(node) = self.children.get(level) {
            node.walk(rest, found);
        }
    }

    fn walk(&self, rest: Option<&str>, found: &mut impl FnMut(&K, V)) {
        let Some(rest) = rest else {
            self.emit(found);
            if let Some(node) = self.children.get("#") {
                node.emit(found);
            }
            return;
        };
        let (level, rest) = split(rest);
        self.walk_wildcards(rest, found);
        if let Some(node) = self.children.get(level) {
            node.walk(rest, found);
        }
    }

    fn walk_wildcards(&self, rest: Option<&str>, found: &mut impl FnMut(&K, V)) {
        if let Some(node) = self.children.get("#") {
            node.emit(found);
        }
        if let Some(node) = self.children.get("+") {
            node.walk(rest, found);
        }
    }

    fn emit(&self, found: &mut impl FnMut(&K, V)) {
        for (key, value) in &self.here {
            found(key, *value);
        }
    }

    fn prune(&mut self, level: &str, visit: impl FnOnce(&mut Self)) {
        if let Some(node) = self.children.get_mut(level) {
            visit(node);
            if node.children.is_empty() && node.here.is_empty() {
                self.children.remove(level);
            }
        }
    }
}

impl<K, V> Default for FilterTree<K, V> {
    fn default() -> Self {
        FilterTree { children: BTreeMap::new(), here: BTreeMap::new() }
    }
}

fn split(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (topic, None),
    }
}

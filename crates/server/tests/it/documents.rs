//! The committed documents are what the server says.

use std::path::Path;

use crate::support::{Dev, folder};

#[test]
fn the_committed_openapi_document_is_the_servers() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let text = format!("{:#}\n", dev.api().with_token(None).get("/openapi.json"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("DINRAIL_WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/openapi.json is another one; run `cargo xtask documents` and look at the difference"
    );
}

#[test]
fn every_metric_is_described_and_every_described_metric_is_there() {
    let folder = folder();
    let dev = Dev::start_with(folder.path(), &["--fleet", "1"]);
    let metrics = crate::support::wait_for("a stored sample", || {
        let (status, text) = dev.api().call("GET", "/metrics", None);
        assert_eq!(status, 200);
        let text = text.as_str().unwrap().to_owned();
        text.contains("dinrail_samples_total{tenant=\"demo\",result=\"stored\"}").then_some(text)
    });
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md")).unwrap();
    let described: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `dinrail_")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let known = |name: &str| described.iter().any(|described| described.trim_end_matches("_total") == name);
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE dinrail_")) {
        let name = line.split(' ').next().unwrap();
        assert!(known(name), "dinrail_{name} is not in docs/operations.md");
    }
    for name in described {
        assert!(
            metrics.contains(&format!("# TYPE dinrail_{} ", name.trim_end_matches("_total"))),
            "dinrail_{name} is not there"
        );
    }
}

//! Answers as tables for people, as JSON for programs.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

pub(super) use crate::output::{print, write_whole};

/// How to show an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// As the API answers
    Json,
}

/// A column: its title, and the JSON pointer of its value in a row.
pub(super) type Column = (&'static str, &'static str);

/// Prints a list as a table, or the whole answer as JSON.
pub(super) fn list(format: Format, answer: &Value, rows: &str, columns: &[Column]) {
    match format {
        Format::Json => json(answer),
        Format::Table => {
            let empty = Vec::new();
            let rows = answer.get(rows).and_then(Value::as_array).unwrap_or(&empty);
            let mut table = table();
            table.set_header(columns.iter().map(|(title, _)| *title));
            for row in rows {
                table.add_row(columns.iter().map(|(_, pointer)| text(row.pointer(pointer))));
            }
            print(&table.to_string());
            if rows.is_empty() {
                print("(none)");
            }
            if let Some(next) = answer.get("next").and_then(Value::as_str) {
                print(&format!("more after {next}"));
            }
        }
    }
}

/// Prints one thing as lines of name and value, or as JSON.
pub(super) fn one(format: Format, answer: &Value, fields: &[Column]) {
    match format {
        Format::Json => json(answer),
        Format::Table => {
            let mut table = table();
            // A line without a title belongs to the one above it, and is left out where there is nothing to say.
            let is_shown = |(title, pointer): &&Column| {
                !title.is_empty() || answer.pointer(pointer).is_some_and(|value| !value.is_null())
            };
            for (title, pointer) in fields.iter().filter(is_shown) {
                table.add_row([(*title).to_owned(), text(answer.pointer(pointer))]);
            }
            print(&table.to_string());
        }
    }
}

/// Prints JSON.
pub(super) fn json(answer: &Value) {
    print(&serde_json::to_string_pretty(answer).unwrap_or_default());
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| text(Some(item))).collect::<Vec<_>>().join("\n"),
        Some(other) => other.to_string(),
    }
}

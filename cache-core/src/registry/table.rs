//! The registry as a Markdown table.

use std::fmt::Write;

use super::Registry;

/// One row for each function.
pub(super) fn markdown(registry: &Registry) -> String {
    let mut table = String::from(
        "| function | key | not in the key | attributes | ttl | where |\n|---|---|---|---|---|---|\n",
    );
    for function in registry {
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {}:{} |",
            code(&function.path()),
            function.template.map_or_else(none, code),
            if function.unkeyed.is_empty() { none() } else { codes(function.unkeyed) },
            codes(function.strategies),
            function.ttl.map_or_else(none, escaped),
            escaped(function.file),
            function.line,
        );
    }
    table
}

fn none() -> String {
    "–".to_owned()
}

fn codes(texts: &[&str]) -> String {
    texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ")
}

/// Text as code: what a template contains is no markup. A `|` ends a cell even there.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {} ``", escaped(text)) } else { format!("`{}`", escaped(text)) }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

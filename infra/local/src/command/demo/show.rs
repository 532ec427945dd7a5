//! Answers of the API as people like to read them.

use super::api::text;
use jiff::Timestamp;
use serde_json::Value;
use std::fmt::Write as _;

const BAR: usize = 40;
/// Rows of a table that are shown.
const ROWS: usize = 8;

/// A table as the SDK stores it (`{"schema", "data": [rows]}`), or any other value as JSON.
pub(crate) fn value(artifact: &Value) -> String {
    let value = &artifact["value"];
    match (value["data"].as_array(), value) {
        (Some(rows), _) if text(artifact, "/type") == "table" => table(rows, &columns(&value["schema"])),
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

fn columns(schema: &Value) -> Vec<String> {
    let fields = schema["fields"].as_array().into_iter().flatten();
    fields.filter_map(|field| Some(field["name"].as_str()?.to_owned())).collect()
}

fn table(rows: &[Value], columns: &[String]) -> String {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let mut lines = vec![columns.to_vec()];
    lines.extend(rows.iter().take(ROWS).map(|row| columns.iter().map(|column| cell(row, column)).collect()));
    match rows.len().saturating_sub(ROWS) {
        0 => align(&lines),
        more => format!("{}\n  … {more} more", align(&lines)),
    }
}

/// Columns as wide as their widest cell.
pub(crate) fn align(lines: &[Vec<String>]) -> String {
    let count = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out.trim_end().to_owned()
}

/// When each operator of a run got where, in seconds after the submission.
pub(crate) fn timeline(run: &Value) -> String {
    let Some(submitted) = moment(run, "/created_at") else { return String::new() };
    let since = |at: Option<Timestamp>| at.map(|at| at.duration_since(submitted).as_secs_f64());
    let mut operators: Vec<&Value> = run["operators"].as_array().into_iter().flatten().collect();
    operators.retain(|operator| moment(operator, "/timeline/scheduled_at").is_some());
    operators.sort_by_key(|operator| moment(operator, "/timeline/scheduled_at"));
    let granted = since(moment(run, "/granted_at"));
    let ended = operators.iter().filter_map(|operator| since(moment(operator, "/timeline/ended_at")));
    let total = ended.fold(0.0_f64, f64::max).max(0.001);

    let mut lines = vec![
        ["operator", "queued", "cluster", "scheduled", "started", "ended", "░ waits ▒ prepares █ runs"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for operator in operators {
        let at = |name: &str| since(moment(operator, &format!("/timeline/{name}_at")));
        let [queued, scheduled, started, ended] = ["queued", "scheduled", "started", "ended"].map(at);
        let shown = |at: Option<f64>| at.map_or_else(|| "-".to_owned(), |at| format!("{at:.1}"));
        let bar = bar(total, [Some(0.0), scheduled, started, ended]);
        let name = text(operator, "/name").to_owned();
        lines.push(vec![name, shown(queued), shown(granted), shown(scheduled), shown(started), shown(ended), bar]);
    }
    align(&lines)
}

/// The time up to each mark in its own shade; a mark that is missing is passed over.
fn bar(total: f64, marks: [Option<f64>; 4]) -> String {
    let column = |at: f64| ((at / total * BAR as f64).round() as usize).min(BAR);
    let mut drawn = String::new();
    let mut from = marks[0].map_or(0, column);
    for (mark, shade) in marks[1..].iter().zip(['░', '▒', '█']) {
        let Some(to) = mark.map(column) else { continue };
        // However short it was, it is seen.
        let to = if shade == '█' { to.max(from + 1) } else { to };
        drawn.extend(std::iter::repeat_n(shade, to.saturating_sub(from)));
        from = from.max(to);
    }
    drawn
}

/// How far a cluster's build is.
pub(crate) fn progress(cluster: &Value) -> String {
    let status = text(cluster, "/status");
    let progress = &cluster["progress"];
    let number = |name: &str| progress[name].as_u64();
    let (Some(planned), Some(done)) = (number("planned"), number("done")) else { return status.to_owned() };
    let mut told = match planned {
        0 => format!("{status}, terraform is planning"),
        _ => format!("{status}, {} of {planned} resources", done.min(planned)),
    };
    if let Some(elapsed) = number("elapsed_seconds") {
        let _ = write!(told, ", {elapsed} s");
        if let Some(estimate) = number("estimate_seconds") {
            let _ = write!(told, " (in AWS about {} min)", estimate.div_ceil(60));
        }
    }
    if let Some(current) = progress["current"].as_array().and_then(|current| current.first()) {
        let _ = write!(told, ", now {}", current.as_str().unwrap_or_default());
    }
    told
}

pub(crate) fn moment(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.pointer(pointer)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_and_texts_are_shown_plainly() {
        let schema = json!({"fields": [{"name": "planet"}, {"name": "moons"}]});
        let rows = json!([{"planet": "Earth", "moons": 1}, {"planet": "Venus", "moons": null}]);
        let artifact = json!({"type": "table", "value": {"schema": schema, "data": rows}});
        assert_eq!(value(&artifact), "  planet  moons\n  Earth   1\n  Venus   -");
        assert_eq!(value(&json!({"type": "string", "value": "well"})), "well");
    }

    #[test]
    fn a_timeline_counts_from_the_submission() {
        let run = json!({"created_at": "2026-01-01T00:00:00Z", "granted_at": "2026-01-01T00:00:05Z", "operators": [
            {"name": "a", "timeline": {"queued_at": "2026-01-01T00:00:05Z", "scheduled_at": "2026-01-01T00:00:06Z",
                "started_at": "2026-01-01T00:00:08Z", "ended_at": "2026-01-01T00:00:10Z"}},
            {"name": "parameter", "timeline": {}}]});
        let shown = timeline(&run);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        let line = shown.lines().nth(1).unwrap_or_default();
        assert!(line.contains("5.0") && line.contains("10.0"), "{shown}");
        assert_eq!(line.matches('░').count(), 24, "{shown}");
        assert_eq!(line.matches('█').count(), 8, "{shown}");
    }
}

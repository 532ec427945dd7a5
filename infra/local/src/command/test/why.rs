//! What of a failed suite's output says why: what whoever sees but the end of a long log must be shown there.

/// How the part begins that tells of failures, in the words of cargo's, Python's and Terraform's runners.
const BEGINNINGS: [&str; 7] = ["failures:", "FAIL: ", "ERROR: ", "Error: ", "error: ", "error[", "Traceback "];
/// What is shown if nothing of that is found.
const LAST_LINES: usize = 20;

/// The end of the output from where it tells of failures; where that is too long, its beginning and its end.
pub(crate) fn why(lines: &[String], most: usize) -> String {
    let is_beginning = |line: &String| BEGINNINGS.iter().any(|word| line.trim_start().starts_with(word));
    let from = lines.iter().position(is_beginning).unwrap_or(lines.len().saturating_sub(LAST_LINES));
    let text = lines[from..].iter().filter(|line| !line.trim().is_empty()).cloned().collect::<Vec<_>>().join("\n");
    let count = text.chars().count();
    if count <= most {
        return text;
    }
    let half = most / 2;
    let (beginning, end): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(count - half).collect());
    format!("{beginning}\n[…]\n{end}")
}

#[cfg(test)]
mod tests {
    use super::why;

    fn shown(text: &str, most: usize) -> String {
        why(&text.lines().map(str::to_owned).collect::<Vec<_>>(), most)
    }

    #[test]
    fn it_begins_where_failures_are_told() {
        let cargo = "running 2 tests\n.F\nfailures:\n\n---- a ----\nleft: 1\n\nfailures:\n    a\n\ntest result: FAILED";
        assert_eq!(shown(cargo, 100), "failures:\n---- a ----\nleft: 1\nfailures:\n    a\ntest result: FAILED");
        let unittest = "..F\n=====\nFAIL: test_b (x)\n-----\nTraceback\nFAILED (failures=1)";
        assert_eq!(shown(unittest, 100), "FAIL: test_b (x)\n-----\nTraceback\nFAILED (failures=1)");
    }

    #[test]
    fn without_a_mark_the_last_lines_are_shown() {
        let text = (0..50).map(|number| format!("{number}\n")).collect::<String>();
        assert!(shown(&text, 1000).starts_with("30\n"));
    }

    #[test]
    fn what_is_too_long_loses_its_middle() {
        let text = format!("failures:\nfirst {} last", "x".repeat(1000));
        let shown = shown(&text, 100);
        assert!(shown.starts_with("failures:\nfirst") && shown.ends_with("last") && shown.chars().count() < 110);
    }
}

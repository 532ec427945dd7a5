//! Counts tests by what the runners print.

use std::ops::Add;

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Tally {
    /// Takes in a line of cargo's, Terraform's or unittest's.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with("test result: ") || line.starts_with("Success! ") || line.starts_with("Failure! ") {
            self.passed += before(line, " passed");
            self.failed += before(line, " failed");
        } else if let Some(count) = line.strip_prefix("Ran ").and_then(|rest| rest.split(" test").next()) {
            self.passed += count.parse().unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("FAILED (") {
            // `Ran` has counted these as passed.
            let failed = after(rest, "failures=") + after(rest, "errors=");
            self.passed = self.passed.saturating_sub(failed);
            self.failed += failed;
        }
    }
}

impl Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> usize {
    let text = line.split_once(word).map_or("", |(text, _)| text);
    text.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The number that stands after a word.
fn after(line: &str, word: &str) -> usize {
    let text = line.split_once(word).map_or("", |(_, text)| text);
    text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(lines: &[&str]) -> (usize, usize) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        (tally.passed, tally.failed)
    }

    #[test]
    fn each_runner_is_understood() {
        let cargo = "test result: FAILED. 12 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 1s";
        assert_eq!(tally(&[cargo, "test result: ok. 2 passed; 0 failed; 0 ignored"]), (14, 1));
        assert_eq!(tally(&["Success! 5 passed, 0 failed."]), (5, 0));
        assert_eq!(tally(&["Failure! 4 passed, 1 failed."]), (4, 1));
        assert_eq!(tally(&["Ran 25 tests in 3.201s", "", "OK (skipped=1)"]), (25, 0));
        assert_eq!(tally(&["Ran 25 tests in 3.201s", "FAILED (failures=1, errors=2)"]), (22, 3));
        assert_eq!(tally(&["12 passed by"]), (0, 0));
    }
}

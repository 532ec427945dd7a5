//! What a person sees while something takes time: one line that changes on a terminal, plain lines elsewhere.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Without a terminal, a step that goes on and on says so this often,
const HEARTBEAT: Duration = Duration::from_secs(20);
/// and what is new no more often than this.
const NEWS: Duration = Duration::from_secs(4);

/// Where progress is told. Clones tell it in the same place.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<Screen>>);

struct Screen {
    kind: Kind,
    steps: Vec<Line>,
    next: usize,
    drawn: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Terminal,
    Plain,
    Quiet,
}

struct Line {
    id: usize,
    name: String,
    detail: String,
    started: Instant,
    told: Instant,
    told_detail: String,
}

impl Progress {
    /// Progress on standard output, in the form that suits it.
    #[must_use]
    pub fn terminal() -> Self {
        let terminal = std::io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self::of(if terminal { Kind::Terminal } else { Kind::Plain })
    }

    /// Progress that nobody wants to see.
    #[must_use]
    pub fn quiet() -> Self {
        Self::of(Kind::Quiet)
    }

    fn of(kind: Kind) -> Self {
        Self(Arc::new(Mutex::new(Screen { kind, steps: vec![], next: 0, drawn: false })))
    }

    /// Begins a step; several may go on side by side. Dropping it ends it without a word.
    #[must_use]
    pub fn step(&self, name: impl Into<String>) -> Step {
        let now = Instant::now();
        let mut screen = self.screen();
        let id = screen.next;
        screen.next += 1;
        screen.steps.push(Line {
            id,
            name: name.into(),
            detail: String::new(),
            started: now,
            told: now,
            told_detail: String::new(),
        });
        screen.draw();
        let redrawing = self.clone();
        let ticker = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                redrawing.screen().tick();
            }
        });
        Step { progress: self.clone(), id, ticker }
    }

    /// Says something that stays on the screen.
    pub fn say(&self, text: impl Display) {
        self.screen().say(&text.to_string());
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that takes time.
pub struct Step {
    progress: Progress,
    id: usize,
    ticker: JoinHandle<()>,
}

impl Step {
    /// Tells what is being done or waited for.
    pub fn update(&self, detail: impl Display) {
        let mut screen = self.progress.screen();
        if let Some(line) = screen.steps.iter_mut().find(|line| line.id == self.id) {
            line.detail = detail.to_string();
        }
        screen.draw();
    }

    /// Ends the step; its name, `result` and the time it took stay on the screen.
    pub fn done(self, result: impl Display) {
        let mut screen = self.progress.screen();
        if let Some(line) = screen.steps.iter().find(|line| line.id == self.id) {
            let text = format!("✓ {}: {result} ({})", line.name, seconds(line.started.elapsed()));
            screen.remove(self.id);
            screen.say(&text);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.ticker.abort();
        let mut screen = self.progress.screen();
        screen.remove(self.id);
        screen.draw();
    }
}

impl Screen {
    fn remove(&mut self, id: usize) {
        self.steps.retain(|line| line.id != id);
    }

    fn tick(&mut self) {
        match self.kind {
            Kind::Terminal => self.draw(),
            Kind::Plain => {
                for line in &mut self.steps {
                    let news = line.detail != line.told_detail && line.told.elapsed() >= NEWS;
                    if news || line.told.elapsed() >= HEARTBEAT {
                        line.told = Instant::now();
                        line.told_detail.clone_from(&line.detail);
                        println!("  {}", line.text());
                    }
                }
            }
            Kind::Quiet => {}
        }
    }

    fn draw(&mut self) {
        if self.kind != Kind::Terminal {
            return;
        }
        let texts: Vec<String> = self.steps.iter().map(Line::text).collect();
        let width = width().saturating_sub(2);
        let line: String = texts.join("  │  ").chars().take(width).collect();
        // To the line's beginning, clear to its end.
        print!("\r\x1b[2K{line}");
        let _ = std::io::stdout().flush();
        self.drawn = !line.is_empty();
    }

    fn say(&mut self, text: &str) {
        if self.kind == Kind::Quiet {
            return;
        }
        if self.drawn {
            print!("\r\x1b[2K");
        }
        println!("{text}");
        self.draw();
    }
}

impl Line {
    fn text(&self) -> String {
        let colon = if self.detail.is_empty() { "" } else { ": " };
        format!("… {}{colon}{} ({})", self.name, self.detail, seconds(self.started.elapsed()))
    }
}

/// A duration as people say it: `7 s`, `2 min 05 s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        all @ 1..60 => format!("{all} s"),
        all => format!("{} min {:02} s", all / 60, all % 60),
    }
}

/// The terminal's columns, as `stty` tells them.
fn width() -> usize {
    static WIDTH: OnceLock<usize> = OnceLock::new();
    *WIDTH.get_or_init(|| {
        let mut stty = std::process::Command::new("stty");
        let size = stty.arg("size").stdin(std::process::Stdio::inherit()).output().ok();
        let text = size.map(|size| String::from_utf8_lossy(&size.stdout).into_owned()).unwrap_or_default();
        text.split_whitespace()
            .nth(1)
            .and_then(|columns| columns.parse().ok())
            .filter(|columns| *columns > 20)
            .unwrap_or(80)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(250)), "250 ms");
        assert_eq!(seconds(Duration::from_secs(59)), "59 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}

//! Failures in few words: whoever has to understand one may see nothing but the end of a long log.

use std::any::Any;

/// A text of no more than `most` characters: its beginning and, which is where the news is, more of its end.
pub fn brief(text: &str, most: usize) -> String {
    let text = text.trim();
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let (first, last) = (most / 3, most - most / 3);
    let beginning: String = text.chars().take(first).collect();
    let end: String = text.chars().skip(count - last).collect();
    format!("{beginning} […] {end}")
}

/// What a panic said.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked without a word").to_owned()
}

/// Has panics told in a line where they happen, without a backtrace; the harness tells more at the end.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = said(panic.payload());
        eprintln!("✗ {place}: {}", brief(text.lines().next().unwrap_or_default(), 200));
    }));
}

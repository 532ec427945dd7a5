//! Calls that do not depend on each other, at the same time.

use futures::stream::{self, StreamExt, TryStreamExt};

/// So many calls are under way at once: enough to hide how long each takes, few enough for one function's connections.
const AT_ONCE: usize = 16;

/// What each of the calls comes to, in their order. One that takes long keeps no other one waiting.
pub async fn each<T>(calls: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    // Gathered first: a lazy iterator that borrows would have to be one of every lifetime, which closures are not.
    let calls: Vec<_> = calls.into_iter().enumerate().map(async |(place, call)| (place, call.await)).collect();
    let mut done: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What all calls come to that can fail, in their order.
///
/// # Errors
/// The first that is met; calls that have not begun by then never do.
pub async fn all<T, E>(calls: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>) -> Result<Vec<T>, E> {
    let calls: Vec<_> = calls.into_iter().collect();
    stream::iter(calls).buffered(AT_ONCE).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::{Barrier, Notify};

    #[tokio::test]
    async fn results_keep_the_order_of_the_calls_which_overlap() {
        let meeting = Barrier::new(3);
        let call = async |number: u32| {
            meeting.wait().await;
            Ok::<_, ()>(number)
        };
        assert_eq!(all([call(3), call(1), call(2)]).await, Ok(vec![3, 1, 2]));
        assert_eq!(each([call(3), call(1), call(2)]).await, [Ok(3), Ok(1), Ok(2)]);
    }

    #[tokio::test]
    async fn whoever_takes_long_keeps_nobody_waiting() {
        let last_is_done = Notify::new();
        let call = async |number: usize| match number {
            0 => last_is_done.notified().await,
            99 => last_is_done.notify_one(),
            _ => {}
        };
        assert_eq!(each((0..100).map(call)).await.len(), 100);
    }

    #[tokio::test]
    async fn no_more_calls_are_under_way_than_one_function_can_bear() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = async || {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, ()>(())
        };
        all((0..100).map(|_| call())).await.expect("no errors");
        assert_eq!(most.into_inner(), AT_ONCE);
    }

    #[tokio::test]
    async fn the_first_error_ends_it() {
        let call = async |number: u32| if number == 2 { Err(number) } else { Ok(number) };
        assert_eq!(all((1..50).map(call)).await, Err(2));
    }
}

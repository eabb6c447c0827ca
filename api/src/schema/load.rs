//! Batches of look-ups: one statement for all that one level of a query asks for.
//!
//! No timer and no task of its own: a batch closes when turns of the executor bring no further
//! call, and whoever waits for it drives it, so that a request that is dropped stops its statement.
//! The executor polls few fields of a long list in one turn; therefore every call counts, also one
//! for a key that is known or absent: it shows that the level is still on its way.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use fondaco_store::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use futures_util::task::AtomicWaker;

/// Turns without a call after which a batch closes.
const QUIET_TURNS: usize = 2;

/// Turns after which a batch closes in any case; a page of a thousand rows takes five hundred.
const TURNS_MAX: usize = 4_096;

type Found<K, V> = Result<Arc<HashMap<K, V>>, StoreError>;
type Fetch<K, V> = Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Fetched<K, V>> + Send + Sync>;

/// What a fetch answers: a value for each key that there is.
pub(crate) type Fetched<K, V> = Result<HashMap<K, V>, StoreError>;

/// Looks values up by key; lives as long as one request.
pub(crate) struct Loader<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    fetch: Fetch<K, V>,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    /// Keys of the batch that is still open.
    waiting: HashSet<K>,
    /// Calls since the request began.
    calls: usize,
    open: Option<Shared<BoxFuture<'static, Found<K, V>>>>,
    /// What was looked up, and what turned out not to be there.
    known: HashMap<K, Option<V>>,
}

impl<K, V> Loader<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new<F, R>(fetch: F) -> Self
    where
        F: Fn(Vec<K>) -> R + Send + Sync + 'static,
        R: Future<Output = Fetched<K, V>> + Send + 'static,
    {
        Self(Arc::new(Inner {
            fetch: Box::new(move |keys| fetch(keys).boxed()),
            state: Mutex::new(State {
                waiting: HashSet::new(),
                calls: 0,
                open: None,
                known: HashMap::new(),
            }),
        }))
    }

    /// The value of a key, or none when there is none.
    pub(crate) async fn load(&self, key: K) -> Result<Option<V>, StoreError> {
        let batch = {
            let mut state = self.0.lock();
            state.calls += 1;
            if let Some(known) = state.known.get(&key) {
                return Ok(known.clone());
            }
            state.waiting.insert(key.clone());
            let fresh = || run(Arc::downgrade(&self.0)).boxed().shared();
            state.open.get_or_insert_with(fresh).clone()
        };
        Ok(batch.await?.get(&key).cloned())
    }

    /// The value of a key that may be absent; the call counts all the same.
    pub(crate) async fn load_opt(&self, key: Option<K>) -> Result<Option<V>, StoreError> {
        if let Some(key) = key {
            return self.load(key).await;
        }
        self.0.lock().calls += 1;
        Ok(None)
    }
}

impl<K, V> Inner<K, V> {
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run<K, V>(inner: Weak<Inner<K, V>>) -> Found<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let calls = || inner.upgrade().map_or(0, |inner| inner.lock().calls);
    let (mut seen, mut quiet) = (calls(), 0);
    for _ in 0..TURNS_MAX {
        Turn::default().await;
        let now = calls();
        quiet = if now == seen { quiet + 1 } else { 0 };
        if quiet == QUIET_TURNS {
            break;
        }
        seen = now;
    }
    let Some(inner) = inner.upgrade() else {
        return Ok(Arc::default());
    };
    let keys: Vec<K> = {
        let mut state = inner.lock();
        state.open = None;
        std::mem::take(&mut state.waiting).into_iter().collect()
    };
    let found = (inner.fetch)(keys.clone()).await?;
    let mut state = inner.lock();
    for key in keys {
        let value = found.get(&key).cloned();
        state.known.insert(key, value);
    }
    Ok(Arc::new(found))
}

/// One turn of the executor: over when the whole task was polled once more, however often this
/// future is polled until then. Every waiter of a batch polls the batch, so that a plain yield
/// would be over with the second waiter.
#[derive(Default)]
struct Turn {
    begun: bool,
    over: Arc<Over>,
}

#[derive(Default)]
struct Over {
    flag: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Over {
    fn wake(self: Arc<Self>) {
        self.flag.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.over.task.register(cx.waker());
        if !self.begun {
            self.begun = true;
            let waker = Waker::from(Arc::clone(&self.over));
            // The runtime wakes what yields after it has polled the task to its end.
            let mut yielding = pin!(tokio::task::yield_now());
            let _ = yielding.as_mut().poll(&mut Context::from_waker(&waker));
        }
        if self.over.flag.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join_all, try_join_all};

    use super::*;

    type Log = Arc<Mutex<Vec<usize>>>;

    fn doubler(log: &Log) -> Loader<u32, u32> {
        let log = Arc::clone(log);
        Loader::new(move |keys: Vec<u32>| {
            log.lock().unwrap().push(keys.len());
            async move {
                tokio::task::yield_now().await;
                let even = keys.into_iter().filter(|key| key % 2 == 0);
                Ok(even.map(|key| (key, key * 2)).collect())
            }
        })
    }

    #[tokio::test]
    async fn keys_of_one_level_are_one_fetch_and_known_keys_are_none() {
        let log = Log::default();
        let loader = doubler(&log);
        let found = join_all((0..200).map(|key| loader.load(key % 100))).await;
        assert_eq!(found[42], Ok(Some(84)));
        assert_eq!(found[43], Ok(None));
        assert_eq!(loader.load(43).await, Ok(None));
        assert_eq!(*log.lock().unwrap(), [100]);
    }

    #[tokio::test]
    async fn two_fields_that_ask_for_the_same_do_not_close_the_batch() {
        let log = Log::default();
        let loader = doubler(&log);
        let parent = |key| {
            let loader = &loader;
            async move { join_all([loader.load(key), loader.load(key)]).await }
        };
        join_all((0..100).map(parent)).await;
        assert_eq!(*log.lock().unwrap(), [100]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_among_many_threads_batches_too() {
        let log = Log::default();
        let loader = doubler(&log);
        let task = async move { try_join_all((0..200).map(|key| loader.load(key))).await };
        assert_eq!(tokio::spawn(task).await.unwrap().unwrap().len(), 200);
        assert_eq!(*log.lock().unwrap(), [200]);
    }

    #[tokio::test]
    async fn a_second_level_is_a_second_fetch_however_many_parents_there_are() {
        let (first, second) = (Log::default(), Log::default());
        let (one, two) = (doubler(&first), doubler(&second));
        let chain = |key| {
            let (one, two) = (&one, &two);
            async move {
                let up = one.load(key).await?.unwrap_or(key);
                two.load(up).await
            }
        };
        try_join_all((0..100).map(chain)).await.unwrap();
        assert_eq!(first.lock().unwrap().len(), 1);
        assert_eq!(second.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_waiter_that_is_dropped_does_not_stop_the_others() {
        let log = Log::default();
        let loader = doubler(&log);
        let mut leader = Box::pin(loader.load(2));
        assert!(futures_util::poll!(&mut leader).is_pending());
        let other = loader.load(4);
        drop(leader);
        assert_eq!(other.await, Ok(Some(8)));
    }

    #[tokio::test]
    async fn a_failure_reaches_every_waiter_and_is_not_remembered() {
        let fail = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let switch = Arc::clone(&fail);
        let loader: Loader<u32, u32> = Loader::new(move |keys: Vec<u32>| {
            let failing = switch.load(std::sync::atomic::Ordering::SeqCst);
            async move {
                if failing {
                    return Err(StoreError::Busy);
                }
                Ok(keys.into_iter().map(|key| (key, key)).collect())
            }
        });
        let all = join_all([loader.load(1), loader.load(2)]).await;
        assert_eq!(all, [Err(StoreError::Busy), Err(StoreError::Busy)]);
        fail.store(false, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(loader.load(1).await, Ok(Some(1)));
    }
}

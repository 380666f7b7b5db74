//! Sleep futures, boxed and polled once as a select! with a time-out does.
use bench_tokio::{each, result, runtime, thread_cpu, Random};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, Instant, Sleep};

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// With a nearer timer pending and the driver parked once, an insertion is not the earliest so far,
/// which would make each of them write to the eventfd (440 ns instead of 59).
async fn nearer_timer() {
    tokio::spawn(sleep(Duration::from_millis(1900)));
    sleep(Duration::from_millis(5)).await;
}

async fn pair_at_1m(context: &mut Context<'_>) {
    let (count, mut random, base) = (1_000_000, Random(1), Instant::now());
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, (random.next() % (i as u64 + 1)) as usize);
    }
    let due: Vec<_> =
        (0..count).map(|_| base + Duration::from_millis(2000 + random.next() % 60_000)).collect();
    let mut timers: Vec<Option<Pin<Box<Sleep>>>> = Vec::with_capacity(count);
    let start = std::time::Instant::now();
    for at in &due {
        let mut timer = Box::pin(sleep_until(*at));
        assert!(timer.as_mut().poll(context).is_pending());
        timers.push(Some(timer));
    }
    for i in &order {
        timers[*i] = None;
    }
    each("timer-pair-1m", start, count as u64);
}

fn pair_at_once(context: &mut Context<'_>) {
    let (count, far) = (3_000_000, Instant::now() + Duration::from_secs(30));
    let start = std::time::Instant::now();
    for _ in 0..count {
        let timer = sleep_until(far);
        tokio::pin!(timer);
        let _ = timer.as_mut().poll(context);
    }
    each("timer-pair", start, count);
}

async fn fire() {
    let (count, mut random) = (1_000_000u64, Random(1));
    let base = Instant::now() + Duration::from_millis(1500);
    let left = std::rc::Rc::new((Cell::new(count), Notify::new()));
    for _ in 0..count {
        let (at, left) = (base + Duration::from_micros(random.next() % 500_000), left.clone());
        tokio::task::spawn_local(async move {
            sleep_until(at).await;
            left.0.set(left.0.get() - 1);
            if left.0.get() == 0 {
                left.1.notify_one();
            }
        });
    }
    sleep_until(base - Duration::from_millis(50)).await;
    let cpu = thread_cpu();
    left.1.notified().await;
    result("timer-fire", (thread_cpu() - cpu).as_nanos() as f64 / count as f64);
}

fn main() {
    let waker = Waker::from(Arc::new(Nobody));
    let mut context = Context::from_waker(&waker);
    runtime().block_on(async {
        nearer_timer().await;
        pair_at_1m(&mut context).await;
        nearer_timer().await;
        pair_at_once(&mut context);
    });
    tokio::task::LocalSet::new().block_on(&runtime(), fire());
}

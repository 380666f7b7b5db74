//! Functions sent through an unbounded channel to a task of a runtime on another thread.
use bench_tokio::{percentiles, rate, runtime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, SyncSender};
use std::time::Instant;
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};

static COUNTED: AtomicU64 = AtomicU64::new(0);

enum Post {
    Answer(SyncSender<()>),
    Call(fn()),
}

fn count_it() {
    // Only this thread writes it.
    COUNTED.store(COUNTED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn foreign_thread(posts: UnboundedSender<Post>) {
    let (sender, answers) = sync_channel(1);
    let mut times = Vec::new();
    for _ in 0..10_000 {
        let start = Instant::now();
        posts.send(Post::Answer(sender.clone())).ok();
        answers.recv().unwrap();
        times.push(start.elapsed());
    }
    percentiles("post-roundtrip", times);
    let (count, start) = (2_000_000, Instant::now());
    for _ in 0..count {
        posts.send(Post::Call(count_it)).ok();
    }
    posts.send(Post::Answer(sender)).ok();
    answers.recv().unwrap();
    assert_eq!(COUNTED.load(Ordering::Relaxed), count);
    rate("post-flood", start, count);
}

fn main() {
    let (sender, mut posts) = unbounded_channel();
    let thread = std::thread::spawn(move || foreign_thread(sender));
    runtime().block_on(async {
        while let Some(post) = posts.recv().await {
            match post {
                Post::Answer(to) => to.send(()).unwrap(),
                Post::Call(function) => function(),
            }
        }
    });
    thread.join().unwrap();
}

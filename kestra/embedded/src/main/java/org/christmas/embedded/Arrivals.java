package org.christmas.embedded;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Lets the readers of one queue sleep until something arrives there; each thread reads one queue. */
final class Arrivals {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final ThreadLocal<Long> seen = ThreadLocal.withInitial(() -> -1L);
    private long count;

    /** Something can be read now. */
    void tell() {
        lock.lock();
        try {
            count++;
            arrived.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until something has arrived since this thread's last call, but no longer than <em>patience</em>. */
    void await(Duration patience) throws InterruptedException {
        lock.lock();
        try {
            long left = patience.toNanos();
            while (count == seen.get() && left > 0) {
                left = arrived.awaitNanos(left);
            }
            seen.set(count);
        } finally {
            lock.unlock();
        }
    }

    /** There may be more: this thread's next call doesn't wait. */
    void again() {
        seen.set(-1L);
    }
}

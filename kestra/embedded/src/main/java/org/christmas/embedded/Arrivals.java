package org.christmas.embedded;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Lets the readers of one queue sleep until something arrives there; each reader is a thread that reads no other queue. */
final class Arrivals {
    private static final long NOTHING_YET = -1;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ThreadLocal<Long> seen = ThreadLocal.withInitial(() -> NOTHING_YET);
    private long count;
    private int onTheirWay;

    /** Something is about to be put in; {@link #settle} follows in any case. */
    void begin() {
        add(1, 0);
    }

    /** It can be read now, or never will be. */
    void settle() {
        add(-1, 1);
    }

    /** Wakes every reader. */
    void wake() {
        add(0, 1);
    }

    private void add(int begun, int arrived) {
        lock.lock();
        try {
            onTheirWay += begun;
            count += arrived;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until something has arrived since this thread's last look, but no longer than <em>patience</em>.
     *
     * @param inOrder whether to wait as well until nothing is on its way that would come in front of what can be read
     * @return whether to look now; false once after each sleep, for the reader to see whether it is still to read
     */
    boolean await(Duration patience, boolean inOrder) throws InterruptedException {
        lock.lock();
        try {
            long left = patience.toNanos();
            boolean hasSlept = false;
            while (count == seen.get() && left > 0) {
                hasSlept = true;
                left = changed.awaitNanos(left);
            }
            if (hasSlept) {
                seen.set(NOTHING_YET);
                return false;
            }
            while (inOrder && onTheirWay > 0 && left > 0) {
                left = changed.awaitNanos(left);
            }
            seen.set(count);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** There may be more: this thread's next call doesn't wait. */
    void again() {
        seen.set(NOTHING_YET);
    }
}

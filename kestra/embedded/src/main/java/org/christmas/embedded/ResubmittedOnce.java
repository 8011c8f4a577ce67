package org.christmas.embedded;

import io.kestra.core.runners.TransactionContext;
import io.kestra.core.runners.WorkerJobRunning;
import io.kestra.core.runners.WorkerTaskRunning;
import io.kestra.repository.h2.H2Repository;
import io.kestra.repository.h2.H2RepositoryEnabled;
import io.kestra.repository.h2.H2WorkerJobRunningStateStore;
import io.micronaut.context.annotation.Replaces;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.function.BiConsumer;

/**
 * Kestra's record of what each worker runs, without what was taken from a dead worker and put back into the queue.
 *
 * <p>Kestra keeps such entries until another worker takes the task. A worker counts as dead twice, when it is missed and when
 * its time of grace is over, so that a task that still waits then is put into the queue a second time. Both runs may go to one
 * worker, which has that task once in its books: when both have ended, Kestra still counts a task of that worker that
 * nobody runs, and gives it one task less at a time, in the end none at all.
 */
@Singleton
@H2RepositoryEnabled
@Replaces(H2WorkerJobRunningStateStore.class)
class ResubmittedOnce extends H2WorkerJobRunningStateStore {
    ResubmittedOnce(@Named("workerjobrunning") H2Repository<WorkerJobRunning> repository) {
        super(repository);
    }

    @Override
    public void processWorkerJobsForDeadWorker(
        TransactionContext transaction, String worker, BiConsumer<TransactionContext, WorkerJobRunning> resubmit) {
        super.processWorkerJobsForDeadWorker(transaction, worker, (same, job) -> {
            resubmit.accept(same, job);
            if (job instanceof WorkerTaskRunning) {
                deleteByKey(same, job.uid());
            }
        });
    }
}

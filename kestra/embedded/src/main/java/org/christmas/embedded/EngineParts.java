package org.christmas.embedded;

import io.kestra.core.queues.QueueException;
import io.kestra.core.runners.Executor;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.runners.Worker;
import io.kestra.core.server.Service;
import io.kestra.core.worker.Controller;
import io.kestra.queue.jdbc.client.JdbcQueueClient;
import io.kestra.worker.AbstractWorker;
import io.kestra.worker.systemworker.SystemWorker;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The engine's running services; {@link #stop} ends them, and a second call does nothing. */
final class EngineParts {
    private static final int SYSTEM_THREADS = 2;

    private final ApplicationContext context;
    private final int port;
    private final List<Service> workers;

    private EngineParts(ApplicationContext context, int port, Service... workers) {
        this.context = context;
        this.port = port;
        this.workers = List.of(workers);
    }

    /** Starts every service of one process engine, the HTTP front last: once it answers, webhooks are served. */
    static EngineParts start(ApplicationContext context, int workerThreads) throws SQLException, QueueException {
        Database database = Database.of(context.getEnvironment()).orElseThrow();
        queuesOf(context);
        Compaction.start(database);
        context.getBean(Unfinished.class).carryOn(database);
        ExecutorService threads = Executors.newCachedThreadPool();
        threads.execute(context.getBean(Executor.class));
        Controller controller = context.getBean(Controller.class);
        threads.execute(controller::start);
        Worker worker = context.getBean(Worker.class);
        threads.execute(() -> worker.start(workerThreads));
        threads.execute(context.getBean(Scheduler.class));
        threads.execute(context.getBean(Indexer.class));
        SystemWorker systemWorker = context.getBean(SystemWorker.class);
        threads.execute(() -> systemWorker.start(SYSTEM_THREADS));
        EmbeddedServer front = context.getBean(EmbeddedServer.class);
        front.start();
        return new EngineParts(context, front.getPort(), worker, systemWorker);
    }

    /** Starts a worker that takes its tasks from another process's controller. */
    static EngineParts startWorker(ApplicationContext context, int workerThreads) {
        Worker worker = context.getBean(Worker.class);
        worker.start(workerThreads);
        return new EngineParts(context, -1, worker);
    }

    int port() {
        return port;
    }

    /**
     * Ends the services; running tasks are interrupted, and run again after the next start, as after a kill.
     *
     * <p>Kestra 2.0.0 would give them time, and forget the tasks that the worker holds in store, as many as it has threads:
     * what a dead or interrupted worker had is given to another one, what one had that has ended in order is not.
     */
    void stop() {
        if (!context.isRunning()) {
            return;
        }
        for (Service worker : workers) {
            if (worker instanceof AbstractWorker abstractWorker) {
                abstractWorker.skipGracefulTermination(true);
            }
        }
        Optional<Database> database = Database.of(context.getEnvironment());
        if (database.isPresent()) {
            queuesOf(context).hurry();
        }
        context.close();
        database.ifPresent(Database::close);
    }

    /** The engine's own queues; Micronaut would take Kestra's without a word, which would ask the database all the time. */
    private static PromptQueues queuesOf(ApplicationContext context) {
        if (context.getBean(JdbcQueueClient.class) instanceof PromptQueues queues) {
            return queues;
        }
        throw new StartProblem("The engine was built wrongly: PromptQueues has not taken the place of Kestra's queues.");
    }
}

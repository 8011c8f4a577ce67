package org.christmas.embedded;

import com.google.common.base.CaseFormat;
import io.kestra.core.runners.WorkerJobEvent;
import io.kestra.jdbc.AbstractJdbcRepository;
import io.kestra.jdbc.JdbcQueueItem;
import io.kestra.jdbc.JooqDSLContextWrapper;
import io.kestra.jdbc.runner.JdbcQueueConfiguration;
import io.kestra.queue.jdbc.client.JdbcQueueClient;
import io.micronaut.context.annotation.Replaces;
import jakarta.annotation.Nullable;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.function.Consumer;

/**
 * Kestra's queues, with tasks taken one at a time, so that few are overtaken on their way to a worker, and none again and again.
 *
 * <p>A look at a queue takes several messages. Tasks among them that no worker has room for are put back at the queue's end:
 * under load Kestra's own client turns the whole queue over again and again, and one task may be overtaken for minutes.
 */
@Singleton
@Replaces(JdbcQueueClient.class)
class TasksInOrder extends JdbcQueueClient {
    private static final String TASKS =
        CaseFormat.UPPER_CAMEL.to(CaseFormat.LOWER_UNDERSCORE, WorkerJobEvent.class.getSimpleName());

    private final JdbcQueueClient single;

    TasksInOrder(@Named("queues") AbstractJdbcRepository<JdbcQueueItem> table, JooqDSLContextWrapper database,
        JdbcQueueConfiguration configuration) {
        super(table, database, configuration);
        this.single = new JdbcQueueClient(table, database, one(configuration));
    }

    @Override
    public Integer subscribeDispatch(String queue, @Nullable List<String> routingKeys, Consumer<byte[]> consumer) {
        return queue.equals(TASKS)
            ? single.subscribeDispatch(queue, routingKeys, consumer)
            : super.subscribeDispatch(queue, routingKeys, consumer);
    }

    private static JdbcQueueConfiguration one(JdbcQueueConfiguration all) {
        return new JdbcQueueConfiguration(
            all.minPollInterval(), all.maxPollInterval(), all.pollSwitchInterval(), 1, all.switchSteps(), all.immediateRepoll());
    }
}

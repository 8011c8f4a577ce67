package org.christmas.embedded;

import com.google.common.base.CaseFormat;
import io.kestra.core.queues.QueueException;
import io.kestra.core.runners.WorkerJobEvent;
import io.kestra.jdbc.AbstractJdbcRepository;
import io.kestra.jdbc.JdbcQueueItem;
import io.kestra.jdbc.JooqDSLContextWrapper;
import io.kestra.jdbc.runner.JdbcQueueConfiguration;
import io.kestra.queue.jdbc.client.JdbcQueueClient;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.transaction.TransactionOperations;
import io.micronaut.transaction.TransactionStatus;
import io.micronaut.transaction.support.TransactionSynchronization;
import jakarta.annotation.Nullable;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.apache.commons.lang3.tuple.Pair;
import org.jooq.DSLContext;
import org.jooq.Record1;
import org.jooq.Select;
import org.jooq.impl.DSL;

/**
 * Kestra's queues as one engine alone can have them: read when something has arrived, without touching what waits behind.
 *
 * <p>Kestra's own client asks the database up to 40 times a second for each of 20 queues. Here every message comes from this
 * process, so a reader sleeps until one is committed; it looks once a second all the same, for what a rollback gave back.
 *
 * <p>Kestra's own client selects {@code for update}, and H2 then locks all that waits in the queue before it takes the first
 * few. A lock is a write: with 500 tasks waiting, each that was taken wrote two megabytes. Here the first few are found first.
 *
 * <p>Tasks are taken one at a time. Of several that were taken at once, those that no worker has room for are put back at the
 * queue's end: under load the whole queue is turned over again and again, and one task may be overtaken for minutes.
 */
@Singleton
@Replaces(JdbcQueueClient.class)
class PromptQueues extends JdbcQueueClient {
    private static final Duration LOOK_ANYWAY = Duration.ofSeconds(1);
    private static final String TASKS =
        CaseFormat.UPPER_CAMEL.to(CaseFormat.LOWER_UNDERSCORE, WorkerJobEvent.class.getSimpleName());

    private final Map<String, Arrivals> arrivals = new ConcurrentHashMap<>();
    private final AbstractJdbcRepository<JdbcQueueItem> items;
    private final JooqDSLContextWrapper database;
    private final TransactionOperations<Connection> transactions;

    PromptQueues(@Named("queues") AbstractJdbcRepository<JdbcQueueItem> items, JooqDSLContextWrapper database,
        JdbcQueueConfiguration configuration, TransactionOperations<Connection> transactions) {
        super(items, database, configuration);
        this.items = items;
        this.database = database;
        this.transactions = transactions;
    }

    @Override
    public void publish(String queue, @Nullable String routingKey, String key, String value) throws QueueException {
        super.publish(queue, routingKey, key, value);
        onceCommitted(() -> at(queue).tell());
    }

    @Override
    public void publish(List<PublishedMessage> messages) throws QueueException {
        super.publish(messages);
        onceCommitted(() -> messages.stream().map(PublishedMessage::queue).distinct().forEach(queue -> at(queue).tell()));
    }

    @Override
    public Integer subscribeDispatch(String queue, @Nullable List<String> routingKeys, Consumer<byte[]> consumer) {
        return subscribeDispatchBatch(queue, routingKeys, messages -> messages.forEach(consumer));
    }

    @Override
    public Integer subscribeDispatchBatch(String queue, @Nullable List<String> routingKeys, Consumer<List<byte[]>> consumer) {
        int most = queue.equals(TASKS) ? 1 : getConfiguration().pollSize();
        return onArrival(queue, most, 0, Integer::intValue, () -> take(queue, routingKeys, most, consumer));
    }

    @Override
    protected Pair<Integer, Long> subscribeBroadcast(String queue, @Nullable Long after, Consumer<byte[]> consumer) {
        return onArrival(queue, getConfiguration().pollSize(), Pair.of(0, after), Pair::getLeft,
            () -> super.subscribeBroadcast(queue, after, consumer));
    }

    @Override
    public Pair<Integer, Long> subscribeBroadcastBatch(String queue, Long after, Consumer<List<byte[]>> consumer) {
        return onArrival(queue, getConfiguration().pollSize(), Pair.of(0, after), Pair::getLeft,
            () -> super.subscribeBroadcastBatch(queue, after, consumer));
    }

    private int take(String queue, @Nullable List<String> routingKeys, int most, Consumer<List<byte[]>> consumer) {
        return database.transactionResult(transaction -> {
            DSLContext context = DSL.using(transaction);
            var messages = context.select(OFFSET, VALUE)
                .from(items.getTable())
                .where(OFFSET.in(first(context, queue, routingKeys, most)))
                .orderBy(OFFSET)
                .forUpdate()
                .skipLocked()
                .fetch();
            if (!messages.isEmpty()) {
                consumer.accept(messages.map(message -> message.get(VALUE).data().getBytes(StandardCharsets.UTF_8)));
                context.deleteFrom(items.getTable()).where(OFFSET.in(messages.getValues(OFFSET))).execute();
            }
            return messages.size();
        });
    }

    private Select<Record1<Long>> first(DSLContext context, String queue, @Nullable List<String> routingKeys, int most) {
        boolean isRouted = routingKeys != null && !routingKeys.isEmpty();
        var waiting = context.select(OFFSET).from(items.getTable())
            .where(TYPE.eq(queue))
            .and(isRouted ? ROUTING_KEY.in(routingKeys) : ROUTING_KEY.isNull());
        // All columns of the index, in its order: H2 then reads no more than it needs.
        return isRouted
            ? waiting.orderBy(OFFSET).limit(most)
            : waiting.orderBy(TYPE, ROUTING_KEY, OFFSET).limit(most);
    }

    private <T> T onArrival(String queue, int most, T nothing, ToIntFunction<T> count, Supplier<T> look) {
        try {
            at(queue).await(LOOK_ANYWAY);
        } catch (InterruptedException interrupted) {
            // The reader that has called looks at this, and ends.
            Thread.currentThread().interrupt();
            return nothing;
        }
        T found = look.get();
        if (count.applyAsInt(found) >= most) {
            at(queue).again();
        }
        return found;
    }

    private Arrivals at(String queue) {
        return arrivals.computeIfAbsent(queue, name -> new Arrivals());
    }

    /** A message that is put in within a larger transaction can't be read before its end. */
    private void onceCommitted(Runnable tell) {
        Optional<? extends TransactionStatus<?>> larger = transactions.findTransactionStatus();
        if (larger.isEmpty()) {
            tell.run();
            return;
        }
        larger.get().registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCommit() {
                tell.run();
            }
        });
    }
}

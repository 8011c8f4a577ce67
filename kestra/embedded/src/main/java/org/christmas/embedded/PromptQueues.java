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
import io.micronaut.context.annotation.Value;
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
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.jooq.DSLContext;
import org.jooq.Record1;
import org.jooq.Select;
import org.jooq.impl.DSL;

/**
 * Kestra's queues as one engine alone can have them: read when something has arrived, without touching what waits behind.
 *
 * <p>Kestra's own client asks the database up to 40 times a second for each of 20 queues. Here every message comes from this
 * process, so a reader sleeps until one is committed. It looks once a second all the same: for what it could not read when it
 * came, since another reader had it or the database did not answer.
 *
 * <p>Kestra's own client selects {@code for update}, and H2 then locks all that waits in the queue before it takes the first
 * few. A lock is a write: with 500 tasks waiting, each that was taken wrote a megabyte. Here the first few are found first.
 *
 * <p>Tasks are taken one at a time. Of several that were taken at once, those that no worker has room for are put back at the
 * queue's end: under load the whole queue is turned over again and again, and one task may be overtaken for minutes.
 */
@Singleton
@Replaces(JdbcQueueClient.class)
class PromptQueues extends JdbcQueueClient {
    private static final Duration WHILE_IT_STOPS = Duration.ofMillis(20);
    private static final String TASKS =
        CaseFormat.UPPER_CAMEL.to(CaseFormat.LOWER_UNDERSCORE, WorkerJobEvent.class.getSimpleName());

    private final Map<String, Arrivals> arrivals = new ConcurrentHashMap<>();
    private final AbstractJdbcRepository<JdbcQueueItem> items;
    private final JooqDSLContextWrapper database;
    private final TransactionOperations<Connection> transactions;
    private volatile Duration patience;

    PromptQueues(@Named("queues") AbstractJdbcRepository<JdbcQueueItem> items, JooqDSLContextWrapper database,
        JdbcQueueConfiguration configuration, TransactionOperations<Connection> transactions,
        @Value("${embedded.queue-patience}") Duration patience) {
        super(items, database, configuration);
        this.items = items;
        this.database = database;
        this.transactions = transactions;
        this.patience = patience;
    }

    /** Readers are about to be ended, one after the other: none of them sleeps any more. */
    void hurry() {
        patience = WHILE_IT_STOPS;
        arrivals.values().forEach(Arrivals::wake);
    }

    @Override
    public void publish(String queue, @Nullable String routingKey, String key, String value) throws QueueException {
        put(Stream.of(queue), () -> super.publish(queue, routingKey, key, value));
    }

    @Override
    public void publish(List<PublishedMessage> messages) throws QueueException {
        put(messages.stream().map(PublishedMessage::queue).distinct(), () -> super.publish(messages));
    }

    @Override
    public Integer subscribeDispatch(String queue, @Nullable List<String> routingKeys, Consumer<byte[]> consumer) {
        return subscribeDispatchBatch(queue, routingKeys, messages -> messages.forEach(consumer));
    }

    @Override
    public Integer subscribeDispatchBatch(String queue, @Nullable List<String> routingKeys, Consumer<List<byte[]>> consumer) {
        int most = queue.equals(TASKS) ? 1 : getConfiguration().pollSize();
        return onArrival(queue, false, most, 0, Integer::intValue, () -> take(queue, routingKeys, most, consumer));
    }

    @Override
    protected Pair<Integer, Long> subscribeBroadcast(String queue, @Nullable Long after, Consumer<byte[]> consumer) {
        return onArrival(queue, true, getConfiguration().pollSize(), Pair.of(0, after), Pair::getLeft,
            () -> super.subscribeBroadcast(queue, after, consumer));
    }

    @Override
    public Pair<Integer, Long> subscribeBroadcastBatch(String queue, Long after, Consumer<List<byte[]>> consumer) {
        return onArrival(queue, true, getConfiguration().pollSize(), Pair.of(0, after), Pair::getLeft,
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
        var waiting = context.select(OFFSET).from(items.getTable()).where(TYPE.eq(queue));
        if (routingKeys != null && !routingKeys.isEmpty()) {
            return waiting.and(ROUTING_KEY.in(routingKeys)).orderBy(OFFSET).limit(most);
        }
        // All columns of the index, in its order: H2 then reads no more than it needs.
        return waiting.and(ROUTING_KEY.isNull()).orderBy(TYPE, ROUTING_KEY, OFFSET).limit(most);
    }

    private <T> T onArrival(String queue, boolean inOrder, int most, T nothing, ToIntFunction<T> count, Supplier<T> look) {
        Arrivals here = at(queue);
        try {
            if (!here.await(patience, inOrder)) {
                return nothing;
            }
        } catch (InterruptedException interrupted) {
            // The reader that has called looks at this, and ends.
            Thread.currentThread().interrupt();
            return nothing;
        }
        T found = look.get();
        if (count.applyAsInt(found) >= most) {
            here.again();
        }
        return found;
    }

    private void put(Stream<String> queues, Publication publication) throws QueueException {
        List<Arrivals> there = queues.map(this::at).toList();
        there.forEach(Arrivals::begin);
        try {
            publication.run();
        } catch (QueueException | RuntimeException e) {
            there.forEach(Arrivals::settle);
            throw e;
        }
        onceOver(() -> there.forEach(Arrivals::settle));
    }

    private Arrivals at(String queue) {
        return arrivals.computeIfAbsent(queue, name -> new Arrivals());
    }

    /** What is put in within a larger transaction can't be read before its end. */
    private void onceOver(Runnable then) {
        Optional<? extends TransactionStatus<?>> larger = transactions.findTransactionStatus();
        if (larger.isEmpty()) {
            then.run();
            return;
        }
        larger.get().registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCompletion(Status status) {
                then.run();
            }
        });
    }

    private interface Publication {
        void run() throws QueueException;
    }
}

package org.christmas.embedded.http;

import io.kestra.core.async.AsyncOperationProcessedEvent;
import io.kestra.core.async.AsyncOperationProcessedEvent.Outcome;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.services.WebhookService;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeoutException;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Kestra's way to start an execution for a webhook, but with an end to the wait for the executor.
 *
 * <p>The executor takes one command after the other. In a burst Kestra's own service waits for it up to 30 s, and then
 * answers with an error, although the command is in the queue and will be carried out. Here that is enough for an answer.
 * Not for a trigger with {@code wait}: its caller waits for the end in any case.
 */
@Singleton
@Bean(typed = QueuedWebhooks.class)
class QueuedWebhooks extends WebhookService {
    private final Duration patience;

    /** @param patience how long an answer waits for the executor once the command is in the queue */
    QueuedWebhooks(@Value("${embedded.webhook-patience}") Duration patience) {
        this.patience = patience;
    }

    @Override
    public Mono<AsyncOperationProcessedEvent> startExecution(Execution execution) {
        // Subscribed here and now, so that the command is in the queue, or has failed, before the wait begins.
        var taken = super.startExecution(execution).toFuture();
        var queued = new AsyncOperationProcessedEvent(
            execution.getId(), execution.getTenantId(), execution.getId(), Outcome.SUCCEEDED, null, Instant.now());
        // What follows reads the database: not on Reactor's few threads for timers, which all webhooks share.
        return Mono.fromFuture(taken)
            .timeout(patience, Mono.just(queued), Schedulers.boundedElastic())
            .onErrorReturn(TimeoutException.class, queued);
    }
}

package org.christmas.embedded.http;

import io.kestra.core.async.AsyncOperationProcessedEvent;
import io.kestra.core.async.AsyncOperationProcessedEvent.Outcome;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.services.WebhookService;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import reactor.core.publisher.Mono;

/**
 * Kestra's way to start an execution for a webhook, but with an end to the wait for the executor.
 *
 * <p>The executor takes one command after the other. In a burst Kestra's own service waits for it up to 30 s, and then
 * answers with an error, although the command is in the queue and will be carried out. Here that is enough for an answer.
 */
@Singleton
@Replaces(WebhookService.class)
class QueuedWebhooks extends WebhookService {
    private final Duration patience;

    /** @param patience so long an answer waits for the executor once the command is in the queue */
    QueuedWebhooks(@Value("${embedded.webhook-patience}") Duration patience) {
        this.patience = patience;
    }

    @Override
    public Mono<AsyncOperationProcessedEvent> startExecution(Execution execution) {
        // Subscribed here and now, so that the command is in the queue, or has failed, before the wait begins.
        var taken = super.startExecution(execution).toFuture();
        var queued = new AsyncOperationProcessedEvent(
            execution.getId(), execution.getTenantId(), execution.getId(), Outcome.SUCCEEDED, null, Instant.now());
        return Mono.fromFuture(taken).timeout(patience, Mono.just(queued));
    }
}

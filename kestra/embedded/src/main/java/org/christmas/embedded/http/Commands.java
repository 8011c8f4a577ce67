package org.christmas.embedded.http;

import io.kestra.core.async.AsyncOperationProcessedEvent;
import io.kestra.core.async.AsyncOperationProcessedEvent.Outcome;
import io.kestra.core.async.AsyncOperationsConfiguration;
import io.kestra.core.executor.command.ExecutionCommand;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.ExecutionKilled;
import io.kestra.core.models.executions.ExecutionKilledExecution;
import io.kestra.core.queues.BroadcastQueueInterface;
import io.kestra.core.queues.DispatchQueueInterface;
import io.kestra.core.queues.QueueException;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.services.AsyncOperationWaiter;
import jakarta.inject.Singleton;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;

/** Sends commands to the engine and waits until it has taken them. */
@Singleton
class Commands {
    private final DispatchQueueInterface<ExecutionCommand> queue;
    private final BroadcastQueueInterface<ExecutionKilled> kills;
    private final AsyncOperationWaiter waiter;
    private final AsyncOperationsConfiguration settings;
    private final ExecutionRepositoryInterface executions;

    Commands(
        DispatchQueueInterface<ExecutionCommand> queue, BroadcastQueueInterface<ExecutionKilled> kills, AsyncOperationWaiter waiter,
        AsyncOperationsConfiguration settings, ExecutionRepositoryInterface executions) {
        this.queue = queue;
        this.kills = kills;
        this.waiter = waiter;
        this.settings = settings;
        this.executions = executions;
    }

    /** {@return the execution, or a 404} */
    Execution execution(String id) {
        return executions.findById(Addresses.TENANT, id).orElseThrow(() -> Problems.notFound("Execution"));
    }

    /**
     * Sends a command and waits until the engine has carried it out.
     *
     * @param command makes the command that belongs to an operation's id
     * @throws IllegalStateException the engine refused it; the message is the engine's reason
     * @throws TimeoutException the engine did not answer within {@code kestra.async-operations.wait-timeout}
     */
    void send(String executionId, Function<String, ExecutionCommand> command) throws TimeoutException {
        await(executionId, operation -> emit(() -> queue.emit(command.apply(operation))));
    }

    /** Asks for the end of an execution, and of its subflows if {@code cascade}. */
    void kill(Execution execution, boolean cascade) throws TimeoutException {
        await(execution.getId(), operation -> emit(() -> kills.emit(ExecutionKilledExecution.builder()
            .state(ExecutionKilled.State.REQUESTED)
            .executionId(execution.getId())
            .tenantId(execution.getTenantId())
            .isOnKillCascade(cascade)
            .operationId(operation)
            .build())));
    }

    private void await(String executionId, Consumer<String> submit) throws TimeoutException {
        AsyncOperationProcessedEvent done = waiter.submitAndWait(executionId, submit, settings.waitTimeout());
        if (done != null && done.outcome() == Outcome.FAILED) {
            throw new IllegalStateException(done.error());
        }
    }

    private static void emit(Emission emission) {
        try {
            emission.run();
        } catch (QueueException e) {
            throw Problems.unavailable("The engine's queue");
        }
    }

    private interface Emission {
        void run() throws QueueException;
    }
}

package org.christmas.embedded.http;

import io.kestra.core.executor.command.ForceRun;
import io.kestra.core.executor.command.Pause;
import io.kestra.core.executor.command.Replay;
import io.kestra.core.executor.command.Restart;
import io.kestra.core.executor.command.Resume;
import io.kestra.core.executor.command.Unqueue;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.State;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.FlowService;
import io.kestra.core.utils.IdUtils;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.annotation.Status;
import io.micronaut.http.server.multipart.MultipartBody;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * What can be done to an execution; each answers with the execution as it is once the engine has taken the command.
 *
 * <p>A command that does not fit the execution's state is 409 with the engine's reason.
 */
@Controller(Addresses.API + "/executions/{id}")
@ExecuteOn(TaskExecutors.BLOCKING)
class ActionController {
    private final Commands commands;
    private final ExecutionService service;
    private final FlowService flows;
    private final FlowInputOutput inputs;

    ActionController(Commands commands, ExecutionService service, FlowService flows, FlowInputOutput inputs) {
        this.commands = commands;
        this.service = service;
        this.flows = flows;
        this.inputs = inputs;
    }

    /** Goes on from the failed task, in the same execution, with the flow's revision of then unless one is given. */
    @Post("/actions/restart")
    Execution restart(String id, @Nullable @QueryValue Integer revision) throws TimeoutException {
        Execution execution = commands.execution(id);
        commands.send(id, operation -> Restart.from(execution, revision).withOperationId(operation));
        return commands.execution(id);
    }

    /** Starts a new execution with the same inputs and trigger, from the start or from a task run. */
    @Post("/actions/replay")
    Execution replay(
        String id, @Nullable @QueryValue String taskRunId, @Nullable @QueryValue Integer revision, @Nullable @QueryValue String breakpoints)
        throws TimeoutException {
        Execution execution = commands.execution(id);
        return replay(Replay.from(execution, IdUtils.create(), requireTaskRun(execution, taskRunId), revision, breakpoints));
    }

    /** As {@link #replay}, with other inputs, given as the parts of a form. */
    @Post(uri = "/actions/replay-with-inputs", consumes = MediaType.MULTIPART_FORM_DATA)
    Execution replayWithInputs(
        String id, @Body MultipartBody body, @Nullable @QueryValue String taskRunId, @Nullable @QueryValue Integer revision,
        @Nullable @QueryValue String breakpoints) throws TimeoutException {
        Execution execution = commands.execution(id);
        var flow = flows.getFlowIfExecutableOrThrow(
            Addresses.TENANT, execution.getNamespace(), execution.getFlowId(), Optional.ofNullable(revision));
        String newId = IdUtils.create();
        Map<String, Object> values = inputs.readExecutionInputs(flow, newId, body).block();
        return replay(Replay.from(execution, newId, requireTaskRun(execution, taskRunId), revision, breakpoints).withInputs(values));
    }

    @Post("/actions/resume")
    Execution resume(String id) throws TimeoutException {
        Execution execution = commands.execution(id);
        var resumed = io.kestra.plugin.core.flow.Pause.Resumed.now();
        commands.send(id, operation -> Resume.from(execution, resumed).withOperationId(operation));
        return commands.execution(id);
    }

    @Post("/actions/pause")
    Execution pause(String id) throws TimeoutException {
        Execution execution = commands.execution(id);
        commands.send(id, operation -> Pause.from(execution).withOperationId(operation));
        return commands.execution(id);
    }

    /** Runs a waiting execution now, whatever its date or the flow's concurrency limit. */
    @Post("/actions/force-run")
    Execution forceRun(String id) throws TimeoutException {
        Execution execution = commands.execution(id);
        commands.send(id, operation -> ForceRun.from(execution).withOperationId(operation));
        return commands.execution(id);
    }

    @Post("/actions/unqueue")
    Execution unqueue(String id, @Nullable @QueryValue State.Type state) throws TimeoutException {
        Execution execution = commands.execution(id);
        commands.send(id, operation -> Unqueue.from(execution, state).withOperationId(operation));
        return commands.execution(id);
    }

    /** Ends a running or waiting execution, and its subflows unless told otherwise. An ended one is 409. */
    @Delete("/actions/kill")
    @Status(HttpStatus.ACCEPTED)
    Execution kill(String id, @QueryValue(defaultValue = "true") boolean isOnKillCascade) throws TimeoutException {
        Execution execution = commands.execution(id);
        if (execution.getState().isTerminated()) {
            throw new IllegalStateException("The execution has ended with state " + execution.getState().getCurrent() + ": it can't be killed");
        }
        commands.kill(execution, isOnKillCascade);
        return commands.execution(id);
    }

    /**
     * Deletes an execution that has ended, by default with its logs, metrics and files.
     *
     * <p>One that was killed while it waited for a retry counts as ended: Kestra 2.0.0 leaves it in KILLING for ever
     * (kestra-io/kestra issue 19679), and nothing of it runs.
     */
    @Delete
    @Status(HttpStatus.NO_CONTENT)
    void delete(
        String id, @QueryValue(defaultValue = "true") boolean deleteLogs, @QueryValue(defaultValue = "true") boolean deleteMetrics,
        @QueryValue(defaultValue = "true") boolean deleteStorage) throws IOException {
        Execution execution = commands.execution(id);
        if (!execution.getState().isTerminated() && !isLeftInKilling(execution)) {
            throw new IllegalStateException("The execution is " + execution.getState().getCurrent() + ": kill it before it is deleted");
        }
        service.delete(execution, deleteLogs, deleteMetrics, deleteStorage);
    }

    private static boolean isLeftInKilling(Execution execution) {
        return execution.getState().getCurrent() == State.Type.KILLING
            && Optional.ofNullable(execution.getTaskRunList()).orElse(List.of()).stream()
                .map(run -> run.getState().getCurrent())
                .allMatch(state -> state.isTerminated() || state == State.Type.RETRYING);
    }

    private Execution replay(Replay command) throws TimeoutException {
        commands.send(command.executionId(), command::withOperationId);
        return commands.execution(command.executionId());
    }

    @Nullable
    private static String requireTaskRun(Execution execution, @Nullable String taskRunId) {
        boolean known = taskRunId == null
            || Optional.ofNullable(execution.getTaskRunList()).orElse(List.of()).stream().anyMatch(run -> run.getId().equals(taskRunId));
        if (!known) {
            throw Problems.notFound("Task run");
        }
        return taskRunId;
    }
}

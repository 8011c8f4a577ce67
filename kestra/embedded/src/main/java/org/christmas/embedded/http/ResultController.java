package org.christmas.embedded.http;

import io.kestra.core.exceptions.InternalException;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.executions.MetricEntry;
import io.kestra.core.models.executions.TaskRun;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.MetricRepositoryInterface;
import io.kestra.core.services.ExecutionLogService;
import io.kestra.core.services.ExecutionOutputService;
import io.kestra.core.services.TaskOutputService;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.slf4j.event.Level;

/** What an execution left: outputs, log lines, metrics. */
@Controller(Addresses.API)
@ExecuteOn(TaskExecutors.BLOCKING)
class ResultController {
    private final Commands commands;
    private final TaskOutputService taskOutputs;
    private final ExecutionOutputService executionOutputs;
    private final ExecutionLogService logs;
    private final MetricRepositoryInterface metrics;

    ResultController(
        Commands commands, TaskOutputService taskOutputs, ExecutionOutputService executionOutputs, ExecutionLogService logs,
        MetricRepositoryInterface metrics) {
        this.commands = commands;
        this.taskOutputs = taskOutputs;
        this.executionOutputs = executionOutputs;
        this.logs = logs;
        this.metrics = metrics;
    }

    /** The outputs that the flow declares; empty if it has none. */
    @Get("/outputs/executions/{executionId}")
    Map<String, Object> execution(String executionId) throws InternalException {
        return orEmpty(executionOutputs.getOutputs(commands.execution(executionId)));
    }

    /** The task runs that have outputs, in the order they started. */
    @Get("/outputs/tasks/{executionId}")
    List<Map<String, Object>> taskRuns(String executionId) throws InternalException {
        List<Map<String, Object>> found = new ArrayList<>();
        for (TaskRun run : runs(commands.execution(executionId))) {
            if (!orEmpty(taskOutputs.getOutputs(run)).isEmpty()) {
                Map<String, Object> entry = new LinkedHashMap<>();
                entry.put("taskId", run.getTaskId());
                entry.put("taskRunId", run.getId());
                entry.put("value", run.getValue());
                entry.put("iteration", run.getIteration());
                entry.put("inline", true);
                found.add(entry);
            }
        }
        return found;
    }

    @Get(uris = {"/outputs/tasks/{executionId}/{taskRunId}", "/outputs/{executionId}/{taskRunId}"})
    Map<String, Object> taskRun(String executionId, String taskRunId) throws InternalException {
        TaskRun run = runs(commands.execution(executionId)).stream()
            .filter(candidate -> candidate.getId().equals(taskRunId))
            .findFirst()
            .orElseThrow(() -> Problems.notFound("Task run"));
        return orEmpty(taskOutputs.getOutputs(run));
    }

    @Get("/logs/{executionId}")
    List<LogEntry> logs(
        String executionId, @Nullable @QueryValue Level minLevel, @Nullable @QueryValue String taskRunId,
        @Nullable @QueryValue String taskId, @Nullable @QueryValue Integer attempt) {
        List<String> tasks = taskId == null ? null : List.of(taskId);
        return logs.getExecutionLogs(Addresses.TENANT, executionId, minLevel, taskRunId, tasks, attempt, true);
    }

    /** The log lines as text: time, level, message. */
    @Get(uri = "/logs/{executionId}/download", produces = MediaType.TEXT_PLAIN)
    String logText(
        String executionId, @Nullable @QueryValue Level minLevel, @Nullable @QueryValue String taskRunId,
        @Nullable @QueryValue String taskId, @Nullable @QueryValue Integer attempt) {
        return logs(executionId, minLevel, taskRunId, taskId, attempt).stream()
            .map(LogEntry::toPrettyString)
            .collect(Collectors.joining("\n", "", "\n"));
    }

    @Get("/metrics/{executionId}")
    Map<String, Object> metrics(HttpRequest<?> request, String executionId, @Nullable @QueryValue String taskRunId, @Nullable @QueryValue String taskId) {
        var page = QueryFilters.page(request, UnaryOperator.identity());
        ArrayListTotal<MetricEntry> found = taskRunId != null
            ? metrics.findByExecutionIdAndTaskRunId(Addresses.TENANT, executionId, taskRunId, page)
            : taskId != null
                ? metrics.findByExecutionIdAndTaskId(Addresses.TENANT, executionId, taskId, page)
                : metrics.findByExecutionId(Addresses.TENANT, executionId, page);
        return Map.of("results", found, "total", found.getTotal());
    }

    private static List<TaskRun> runs(Execution execution) {
        return Optional.ofNullable(execution.getTaskRunList()).orElse(List.of());
    }

    private static Map<String, Object> orEmpty(@Nullable Map<String, Object> outputs) {
        return Objects.requireNonNullElse(outputs, Map.of());
    }
}

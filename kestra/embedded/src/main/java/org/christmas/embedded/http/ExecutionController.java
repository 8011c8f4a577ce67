package org.christmas.embedded.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kestra.core.exceptions.InternalException;
import io.kestra.core.executor.command.Create;
import io.kestra.core.models.Label;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.ExecutionId;
import io.kestra.core.models.executions.ExecutionKind;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.services.FlowService;
import io.kestra.core.services.LabelService;
import io.kestra.core.services.WebhookService;
import io.kestra.core.storages.StorageContext;
import io.kestra.core.storages.StorageInterface;
import io.kestra.core.utils.IdUtils;
import io.kestra.core.utils.UriProvider;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.http.server.multipart.MultipartBody;
import io.micronaut.http.server.types.files.StreamedFile;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.io.IOException;
import java.net.URI;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import reactor.core.publisher.Mono;

/** Executions: read, search, start. */
@Controller(Addresses.API + "/executions")
@ExecuteOn(TaskExecutors.BLOCKING)
class ExecutionController {
    private final ExecutionRepositoryInterface executions;
    private final FlowService flows;
    private final FlowInputOutput inputs;
    private final WebhookService webhooks;
    private final Commands commands;
    private final StorageInterface storage;
    private final UriProvider addresses;
    private final ObjectMapper json;

    ExecutionController(
        ExecutionRepositoryInterface executions, FlowService flows, FlowInputOutput inputs, WebhookService webhooks,
        Commands commands, StorageInterface storage, UriProvider addresses, ObjectMapper json) {
        this.executions = executions;
        this.flows = flows;
        this.inputs = inputs;
        this.webhooks = webhooks;
        this.commands = commands;
        this.storage = storage;
        this.addresses = addresses;
        this.json = json;
    }

    @Get("/{id}")
    Execution execution(String id) {
        return commands.execution(id);
    }

    /** A page of executions, without their task runs, as {@code {"results": [...], "total": n}}. */
    @Get(uris = {"/search", "/"})
    Map<String, Object> search(HttpRequest<?> request) {
        ArrayListTotal<Execution> found = executions.find(
            QueryFilters.page(request, executions.sortMapping()::apply), Addresses.TENANT, QueryFilters.from(request));
        List<ObjectNode> results = found.stream().map(this::light).toList();
        return Map.of("results", results, "total", found.getTotal());
    }

    /**
     * Starts an execution with the form's parts as inputs.
     *
     * @param labels {@code key:value}, any number
     * @param wait answers when the execution has ended, instead of when the engine has taken it
     * @param scheduleDate ISO 8601 with zone; the execution waits in CREATED until then
     */
    @Post(uri = "/{namespace}/{id}", consumes = MediaType.ALL)
    ObjectNode create(
        String namespace, String id, @Body @Nullable MultipartBody body, @QueryValue(defaultValue = "") List<String> labels,
        @QueryValue(defaultValue = "false") boolean wait, @Nullable @QueryValue Integer revision,
        @Nullable @QueryValue String scheduleDate, @Nullable @QueryValue ExecutionKind kind) throws Exception {
        Flow flow;
        try {
            flow = flows.getFlowIfExecutableOrThrow(Addresses.TENANT, namespace, id, Optional.ofNullable(revision));
        } catch (NoSuchElementException e) {
            throw Problems.notFound("Flow");
        }
        String executionId = IdUtils.create();
        List<Label> given = new ArrayList<>(parse(labels));
        given.add(new Label(Label.FROM, Label.FromLabel.API.value));
        List<Label> all = LabelService.forExecution(flow, given, executionId);
        Map<String, Object> values = inputs.readExecutionInputs(flow, executionId, given, body == null ? Mono.empty() : body).block();
        Create command = Create.of(new ExecutionId(flow.getTenantId(), namespace, id, executionId, flow.getRevision()))
            .withLabels(all)
            .withKind(kind)
            .withInputs(values)
            .withScheduleDate(scheduleDate == null ? null : ZonedDateTime.parse(scheduleDate).toInstant());
        commands.send(executionId, operation -> command.withOperationId(operation));
        Execution started = commands.execution(executionId);
        if (wait) {
            started = webhooks.followExecution(started, flow).last().block().getData();
        }
        ObjectNode answer = json.valueToTree(started);
        return answer.put("url", addresses.executionUrl(started).toString());
    }

    /** A file that a task of this execution wrote. */
    @Get(uri = "/{id}/file", produces = MediaType.APPLICATION_OCTET_STREAM)
    StreamedFile file(String id, @QueryValue URI path) throws IOException, InternalException {
        Execution execution = commands.execution(id);
        String own = StorageContext.forExecution(execution).getExecutionStorageURI().getPath() + "/";
        if (!StorageContext.KESTRA_SCHEME.equals(path.getScheme()) || !path.normalize().getPath().startsWith(own)) {
            throw new HttpStatusException(HttpStatus.FORBIDDEN, "The file is not one of this execution");
        }
        String name = path.getPath().substring(path.getPath().lastIndexOf('/') + 1);
        return new StreamedFile(storage.get(Addresses.TENANT, execution.getNamespace(), path), MediaType.APPLICATION_OCTET_STREAM_TYPE)
            .attach(name);
    }

    private ObjectNode light(Execution execution) {
        ObjectNode all = json.valueToTree(execution);
        all.put("tenantId", Addresses.TENANT);
        return all.remove(List.of("taskRunList", "variables", "metadata", "deleted", "outputs"));
    }

    private static List<Label> parse(List<String> labels) {
        return labels.stream().filter(label -> !label.isBlank()).map(label -> {
            String[] pair = label.split(":", 2);
            if (pair.length < 2 || pair[0].startsWith("system.")) {
                throw new IllegalArgumentException("A label has the form key:value, and its key is not one of the engine's (system.)");
            }
            return new Label(pair[0], pair[1]);
        }).toList();
    }
}

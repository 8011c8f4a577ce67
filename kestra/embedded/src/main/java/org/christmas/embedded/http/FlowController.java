package org.christmas.embedded.http;

import io.kestra.core.exceptions.FlowProcessingException;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowInterface;
import io.kestra.core.models.flows.FlowSource;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.models.validations.ValidateConstraintViolation;
import io.kestra.core.queues.QueueException;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.services.FlowService;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Put;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.annotation.Status;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Flows: read, search, save, check. A source that is not a valid flow is 422 with the engine's reason.
 *
 * <p>Where the engine was started with a flows folder, what is saved here lasts until the next start only.
 */
@Controller(Addresses.API + "/flows")
@ExecuteOn(TaskExecutors.BLOCKING)
class FlowController {
    private static final String YAML = "application/x-yaml";

    private final FlowRepositoryInterface stored;
    private final FlowService flows;

    FlowController(FlowRepositoryInterface stored, FlowService flows) {
        this.stored = stored;
        this.flows = flows;
    }

    @Get("/search")
    Map<String, Object> search(HttpRequest<?> request) {
        var page = QueryFilters.page(request, UnaryOperator.identity());
        ArrayListTotal<Flow> found = stored.find(page, Addresses.TENANT, QueryFilters.from(request));
        return Map.of("results", found, "total", found.getTotal());
    }

    @Get("/{namespace}")
    List<Flow> ofNamespace(String namespace) {
        return flows.findByNamespace(Addresses.TENANT, namespace);
    }

    /** A flow, with its source if {@code source}; an older one if {@code revision}. */
    @Get("/{namespace}/{id}")
    FlowInterface flow(
        String namespace, String id, @QueryValue(defaultValue = "false") boolean source, @Nullable @QueryValue Integer revision,
        @QueryValue(defaultValue = "false") boolean allowDeleted) {
        Optional<Integer> wanted = Optional.ofNullable(revision);
        Optional<? extends FlowInterface> found = source
            ? stored.findByIdWithSource(Addresses.TENANT, namespace, id, wanted, allowDeleted)
            : stored.findById(Addresses.TENANT, namespace, id, wanted, allowDeleted);
        return found.orElseThrow(() -> Problems.notFound("Flow"));
    }

    @Post(consumes = {YAML, "application/yaml", MediaType.TEXT_PLAIN})
    FlowWithSource create(@Body String source) throws FlowProcessingException, QueueException {
        return flows.create(GenericFlow.fromYaml(Addresses.TENANT, source));
    }

    /** Saves a flow again; an unchanged source makes no new revision. */
    @Put(uri = "/{namespace}/{id}", consumes = {YAML, "application/yaml", MediaType.TEXT_PLAIN})
    FlowWithSource update(String namespace, String id, @Body String source) throws FlowProcessingException, QueueException {
        FlowWithSource previous =
            stored.findByIdWithSource(Addresses.TENANT, namespace, id).orElseThrow(() -> Problems.notFound("Flow"));
        return flows.update(GenericFlow.fromYaml(Addresses.TENANT, source), previous);
    }

    @Delete("/{namespace}/{id}")
    @Status(HttpStatus.NO_CONTENT)
    void delete(String namespace, String id) {
        flows.delete(stored.findByIdWithSource(Addresses.TENANT, namespace, id).orElseThrow(() -> Problems.notFound("Flow")));
    }

    /** Checks one or several sources (separated by {@code ---}) and saves nothing. */
    @Post(uri = "/validate", consumes = {YAML, "application/yaml", MediaType.TEXT_PLAIN})
    List<ValidateConstraintViolation> validate(@Body String source) {
        List<FlowSource> sources = List.of(source.split("(?m)^---\\s*$")).stream()
            .filter(part -> !part.isBlank())
            .map(part -> new FlowSource(null, part))
            .toList();
        return flows.validate(Addresses.TENANT, sources);
    }
}

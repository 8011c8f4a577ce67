package org.christmas.embedded.http;

import io.kestra.core.http.HttpRequest.ByteArrayRequestBody;
import io.kestra.core.http.HttpRequest.RequestBody;
import io.kestra.core.http.HttpRequest.StringRequestBody;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithException;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.services.WebhookService;
import io.kestra.core.storages.StorageContext;
import io.kestra.core.storages.StorageInterface;
import io.kestra.core.utils.IdUtils;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger.FetchType;
import io.kestra.plugin.core.trigger.Webhook;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Put;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/**
 * Starts the flow whose webhook trigger has the key of the address, and answers what the trigger decides.
 *
 * <p>Needs no login: the key is the secret. A wrong key, flow or namespace and a disabled flow are all the same 404.
 */
@Controller
@ExecuteOn(TaskExecutors.BLOCKING)
class WebhookController {
    private static final String ADDRESS = Addresses.API + "/executions/webhook/{namespace}/{id}/{key}";
    private static final String ADDRESS_WITHOUT_TENANT = "/api/v1/executions/webhook/{namespace}/{id}/{key}";
    private static final Set<String> TEXT_SUBTYPES =
        Set.of("json", "xml", "x-www-form-urlencoded", "yaml", "x-yaml", "csv", "javascript", "x-ndjson");

    private final FlowRepositoryInterface flows;
    private final WebhookService webhooks;
    private final QueuedWebhooks queuedWebhooks;
    private final StorageInterface storage;

    WebhookController(
        FlowRepositoryInterface flows, WebhookService webhooks, QueuedWebhooks queuedWebhooks, StorageInterface storage) {
        this.flows = flows;
        this.webhooks = webhooks;
        this.queuedWebhooks = queuedWebhooks;
        this.storage = storage;
    }

    @Get(uris = {ADDRESS, ADDRESS_WITHOUT_TENANT}, produces = MediaType.ALL)
    Publisher<HttpResponse<?>> get(HttpRequest<?> request, @PathVariable String namespace, @PathVariable String id, @PathVariable String key)
        throws Exception {
        return start(request, namespace, id, key, null);
    }

    @Post(uris = {ADDRESS, ADDRESS_WITHOUT_TENANT}, consumes = MediaType.ALL, produces = MediaType.ALL)
    Publisher<HttpResponse<?>> post(
        HttpRequest<?> request, @PathVariable String namespace, @PathVariable String id, @PathVariable String key, @Body @Nullable byte[] body)
        throws Exception {
        return start(request, namespace, id, key, body);
    }

    @Put(uris = {ADDRESS, ADDRESS_WITHOUT_TENANT}, consumes = MediaType.ALL, produces = MediaType.ALL)
    Publisher<HttpResponse<?>> put(
        HttpRequest<?> request, @PathVariable String namespace, @PathVariable String id, @PathVariable String key, @Body @Nullable byte[] body)
        throws Exception {
        return start(request, namespace, id, key, body);
    }

    private Publisher<HttpResponse<?>> start(HttpRequest<?> request, String namespace, String id, String key, @Nullable byte[] body)
        throws Exception {
        Flow flow = flows.findByIdForExecutionWithoutAcl(Addresses.TENANT, namespace, id)
            .filter(found -> !found.isDisabled() && !(found instanceof FlowWithException))
            .orElse(null);
        AbstractWebhookTrigger trigger = flow == null ? null : trigger(flow, key).orElse(null);
        if (trigger == null) {
            return Mono.error(Problems.notFound("Webhook"));
        }
        String executionId = IdUtils.create();
        boolean store = trigger.getFetchType() == FetchType.STORE && body != null;
        URI stored = store ? store(flow, executionId, body) : null;
        RequestBody given = trigger.getFetchType() == FetchType.FETCH ? requestBody(request, body) : null;
        var handedOver = io.kestra.core.http.HttpRequest.of(
            request.getUri(), request.getMethodName(), given, request.getHeaders().asMap());
        WebhookService starter = trigger instanceof Webhook webhook && webhook.getWait() ? webhooks : queuedWebhooks;
        return trigger
            .evaluate(new WebhookContext(handedOver, null, flow, trigger, starter, executionId, stored))
            .map(WebhookController::answer);
    }

    private Optional<AbstractWebhookTrigger> trigger(Flow flow, String key) {
        return Optional.ofNullable(flow.getTriggers()).orElse(List.of()).stream()
            .filter(AbstractWebhookTrigger.class::isInstance)
            .map(AbstractWebhookTrigger.class::cast)
            .filter(trigger -> !trigger.isDisabled() && hasKey(flow, trigger, key))
            .findFirst();
    }

    private boolean hasKey(Flow flow, AbstractWebhookTrigger trigger, String key) {
        try {
            String expected = webhooks.runContext(flow, trigger).render(trigger.getKey());
            return !expected.isBlank()
                && Secrets.same(expected.getBytes(StandardCharsets.UTF_8), key.getBytes(StandardCharsets.UTF_8));
        } catch (Exception keyIsASecretThatIsNotSet) {
            return false;
        }
    }

    /** Keeps the body byte for byte (a signature is computed over it) among the files of the execution to be. */
    private URI store(Flow flow, String executionId, byte[] body) throws IOException {
        URI folder = StorageContext.forExecution(flow.getTenantId(), flow.getNamespace(), flow.getId(), executionId).getContextStorageURI();
        return storage.put(flow.getTenantId(), flow.getNamespace(), URI.create(folder + "/webhook/body"), new ByteArrayInputStream(body));
    }

    @Nullable
    private static RequestBody requestBody(HttpRequest<?> request, @Nullable byte[] body) {
        if (body == null || body.length == 0) {
            return null;
        }
        MediaType type = request.getContentType().orElse(null);
        if (type == null || isText(type)) {
            return StringRequestBody.of(new String(body, charset(type)));
        }
        return ByteArrayRequestBody.builder().content(body).contentType(type.getName()).build();
    }

    /** The charset that was said; UTF-8 if none was, or one that nobody knows, as a lead must not be lost for that. */
    private static Charset charset(@Nullable MediaType type) {
        try {
            return Optional.ofNullable(type).flatMap(MediaType::getCharset).orElse(StandardCharsets.UTF_8);
        } catch (IllegalCharsetNameException | UnsupportedCharsetException unknown) {
            return StandardCharsets.UTF_8;
        }
    }

    private static boolean isText(MediaType type) {
        String subtype = type.getSubtype().toLowerCase();
        return "text".equalsIgnoreCase(type.getType())
            || TEXT_SUBTYPES.contains(subtype)
            || subtype.endsWith("+json")
            || subtype.endsWith("+xml");
    }

    private static HttpResponse<?> answer(io.kestra.core.http.HttpResponse<?> decided) {
        MutableHttpResponse<Object> answer = HttpResponse.status(HttpStatus.valueOf(decided.getStatus().getCode()));
        String type = decided.getHeaders() == null ? null : decided.getHeaders().firstValue("Content-Type").orElse(null);
        if (decided.getBody() != null) {
            answer.body(decided.getBody()).contentType(type == null ? MediaType.APPLICATION_JSON : type);
        }
        return answer;
    }
}

package org.christmas.embedded.http;

import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/** Asks for the login (HTTP Basic) on every address but the webhooks and the health check. */
@ServerFilter("/**")
@Requires(property = "kestra.server-type", notEquals = "WORKER")
final class LoginFilter implements Ordered {
    private static final List<String> OPEN =
        List.of("/api/v1/" + Addresses.TENANT + "/executions/webhook/", "/api/v1/executions/webhook/", "/health");

    private final byte[] expected;

    LoginFilter(@Value("${KESTRA_USERNAME}") String username, @Value("${KESTRA_PASSWORD}") String password) {
        expected = (username + ":" + password).getBytes(StandardCharsets.UTF_8);
    }

    /** {@return nothing if the request may go on, else 401, which never repeats what was sent} */
    @RequestFilter
    @Nullable
    HttpResponse<?> ask(HttpRequest<?> request) {
        boolean preflight = request.getMethod() == HttpMethod.OPTIONS;
        if (preflight || OPEN.stream().anyMatch(request.getPath()::startsWith) || isLoggedIn(request)) {
            return null;
        }
        return HttpResponse.unauthorized().header(HttpHeaders.WWW_AUTHENTICATE, "Basic realm=\"kestra\"");
    }

    private boolean isLoggedIn(HttpRequest<?> request) {
        String header = request.getHeaders().get(HttpHeaders.AUTHORIZATION);
        if (header == null || !header.regionMatches(true, 0, "Basic ", 0, 6)) {
            return false;
        }
        try {
            return Secrets.same(expected, Base64.getDecoder().decode(header.substring(6).strip()));
        } catch (IllegalArgumentException notBase64) {
            return false;
        }
    }

    @Override
    public int getOrder() {
        return HIGHEST_PRECEDENCE + 1000;
    }
}

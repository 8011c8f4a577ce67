package org.christmas.embedded.http;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.util.Map;

/** Says that the front takes requests, as Kestra's management port does; needs no login and tells nothing else. */
@Controller
class HealthController {
    @Get(uris = {"/health", "/health/readiness", "/health/liveness"})
    Map<String, String> health() {
        return Map.of("status", "UP");
    }
}

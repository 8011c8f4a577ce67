package org.christmas.embedded.http;

import io.kestra.core.utils.VersionProvider;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.util.Map;

/** What this server is: the open-source edition, and its version. */
@Controller("/api/v1/configs")
class InstanceController {
    private final VersionProvider version;

    InstanceController(VersionProvider version) {
        this.version = version;
    }

    @Get
    Map<String, Object> configuration() {
        return Map.of("edition", "OSS", "version", version.getVersion(), "isBasicAuthInitialized", true);
    }
}

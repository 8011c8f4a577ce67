package org.christmas.embedded.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kestra.core.exceptions.ResourceExpiredException;
import io.kestra.core.models.kv.KVType;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.services.KVStoreService;
import io.kestra.core.storages.kv.KVEntry;
import io.kestra.core.storages.kv.KVStore;
import io.kestra.core.storages.kv.KVValueAndMetadata;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Put;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The key-value store of a namespace. */
@Controller(Addresses.API + "/namespaces/{namespace}/kv")
@ExecuteOn(TaskExecutors.BLOCKING)
class KvController {
    /** Reads JSON, and a bare date or duration as what it is. */
    private static final ObjectMapper ION = JacksonMapper.ofIon();

    private final KVStoreService stores;

    KvController(KVStoreService stores) {
        this.stores = stores;
    }

    @Get
    List<KVEntry> entries(String namespace) throws IOException {
        return store(namespace).list();
    }

    @Get("/{key}")
    Map<String, Object> value(String namespace, String key) throws IOException, ResourceExpiredException {
        Object value = store(namespace).getValue(key).orElseThrow(() -> Problems.notFound("Key")).value();
        KVEntry entry = store(namespace).get(key).orElseThrow(() -> Problems.notFound("Key"));
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("type", KVType.from(value));
        answer.put("value", value);
        answer.put("revision", entry.revision());
        answer.put("updated", entry.updateDate());
        return answer;
    }

    /** Sets or replaces a value, given as JSON. */
    @Put(uri = "/{key}", consumes = {MediaType.TEXT_PLAIN, MediaType.APPLICATION_JSON})
    void put(String namespace, String key, @Body String value) throws IOException {
        store(namespace).put(key, new KVValueAndMetadata(null, ION.readTree(value)));
    }

    /** {@return whether there was such a key} */
    @Delete("/{key}")
    boolean delete(String namespace, String key) throws IOException {
        return store(namespace).delete(key);
    }

    private KVStore store(String namespace) {
        return stores.get(Addresses.TENANT, namespace, namespace);
    }
}

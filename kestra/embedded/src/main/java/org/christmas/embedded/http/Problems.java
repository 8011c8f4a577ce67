package org.christmas.embedded.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.kestra.core.exceptions.FlowProcessingException;
import io.kestra.core.exceptions.InputOutputValidationException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.exceptions.ContentLengthExceededException;
import io.micronaut.http.exceptions.HttpStatusException;
import jakarta.validation.ConstraintViolationException;
import java.io.FileNotFoundException;
import java.nio.file.NoSuchFileException;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns what a controller throws into Kestra's error answer: {@code {"message": ...}} and a fitting status. */
@Controller
class Problems {
    private static final Logger LOG = LoggerFactory.getLogger(Problems.class);

    static HttpStatusException notFound(String what) {
        return new HttpStatusException(HttpStatus.NOT_FOUND, what + " not found");
    }

    /** Not the caller's fault, and worth a repeat: a caller that gives up at 4xx would lose its lead. */
    static HttpStatusException unavailable(String what) {
        return new HttpStatusException(HttpStatus.SERVICE_UNAVAILABLE, what + " could not be written: is the disk full?");
    }

    @Error(global = true)
    HttpResponse<?> invalidFlow(HttpRequest<?> request, FlowProcessingException e) {
        Throwable cause = e.getCause() instanceof ConstraintViolationException c ? c : e;
        return answer(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity: " + cause.getMessage());
    }

    @Error(global = true)
    HttpResponse<?> invalidEntity(HttpRequest<?> request, ConstraintViolationException e) {
        return answer(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity: " + e.getMessage());
    }

    @Error(global = true)
    HttpResponse<?> invalidInputs(HttpRequest<?> request, InputOutputValidationException e) {
        return answer(HttpStatus.UNPROCESSABLE_ENTITY, e.getMessage());
    }

    @Error(global = true)
    HttpResponse<?> illegalArgument(HttpRequest<?> request, IllegalArgumentException e) {
        return answer(HttpStatus.UNPROCESSABLE_ENTITY, e.getMessage());
    }

    @Error(global = true)
    HttpResponse<?> illegalState(HttpRequest<?> request, IllegalStateException e) {
        return answer(HttpStatus.CONFLICT, e.getMessage());
    }

    @Error(global = true)
    HttpResponse<?> invalidJson(HttpRequest<?> request, JsonProcessingException e) {
        return answer(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid json");
    }

    @Error(global = true)
    HttpResponse<?> missing(HttpRequest<?> request, NoSuchElementException e) {
        return answer(HttpStatus.NOT_FOUND, "Not Found");
    }

    @Error(global = true)
    HttpResponse<?> missingFile(HttpRequest<?> request, FileNotFoundException e) {
        return answer(HttpStatus.NOT_FOUND, "Not Found");
    }

    @Error(global = true)
    HttpResponse<?> missingPath(HttpRequest<?> request, NoSuchFileException e) {
        return answer(HttpStatus.NOT_FOUND, "Not Found");
    }

    @Error(global = true)
    HttpResponse<?> tooLarge(HttpRequest<?> request, ContentLengthExceededException e) {
        return answer(HttpStatus.REQUEST_ENTITY_TOO_LARGE, "Request body too large");
    }

    @Error(global = true)
    HttpResponse<?> tooLate(HttpRequest<?> request, TimeoutException e) {
        return answer(HttpStatus.GATEWAY_TIMEOUT, "The engine did not confirm in time");
    }

    @Error(global = true)
    HttpResponse<?> status(HttpRequest<?> request, HttpStatusException e) {
        return answer(e.getStatus(), e.getMessage());
    }

    @Error(global = true, status = HttpStatus.NOT_FOUND)
    HttpResponse<?> unknownAddress(HttpRequest<?> request) {
        return answer(HttpStatus.NOT_FOUND, "Not Found");
    }

    @Error(global = true)
    HttpResponse<?> anythingElse(HttpRequest<?> request, Throwable e) {
        // Neither the address (it may hold a webhook key) nor the message (it may hold a body) goes into the log.
        StackTraceElement[] trace = e.getStackTrace();
        LOG.error("{} request failed: {} at {}", request.getMethodName(), e.getClass().getName(), trace.length > 0 ? trace[0] : "?");
        return answer(HttpStatus.INTERNAL_SERVER_ERROR, "Internal server error");
    }

    private static HttpResponse<?> answer(HttpStatus status, String message) {
        return HttpResponse.status(status).body(Map.of("message", message == null ? status.getReason() : message));
    }
}

package org.christmas.embedded;

import io.micronaut.context.ApplicationContext;
import java.nio.file.Path;
import java.util.Map;

/**
 * Starts the engine, or a further worker, and prints one line that begins with {@code ready}.
 *
 * <p>Settings are environment variables: {@code ENGINE_DATA_DIR} (required), {@code ENGINE_FLOWS_DIR} (one folder, or
 * several joined by the path separator; unset leaves the stored flows as they are), {@code ENGINE_DASHBOARDS_DIR} (unset:
 * none are looked at), {@code ENGINE_PORT}, {@code ENGINE_CONTROLLER_PORT}, {@code ENGINE_WORKER_THREADS},
 * {@code ENGINE_SERVER_TYPE} ({@code STANDALONE} or {@code WORKER}), {@code KESTRA_USERNAME}, {@code KESTRA_PASSWORD},
 * {@code KESTRA_URL}, {@code WEBSITE_ORIGIN}, {@code ENGINE_PARENT_PID} (it stops when that process ends).
 *
 * <p>Exit codes: 0 or 143 after SIGTERM, 2 if it can't start; then the last line on stderr begins with {@code error:}.
 */
public final class Main {
    private static final int CANNOT_START = 2;

    private Main() {
    }

    public static void main(String[] arguments) throws InterruptedException {
        try {
            String readyLine = isWorker() ? startWorker() : startStandalone();
            stopWithParent();
            System.out.println(readyLine);
            System.out.flush();
        } catch (Throwable problem) {
            System.err.println("error: " + oneLine(problem));
            System.err.flush();
            // halt, not exit: parts of the engine may be half started, and their shutdown hooks could wait for ever.
            Runtime.getRuntime().halt(CANNOT_START);
        }
        Thread.currentThread().join();
    }

    /** No engine outlives the process that started it, should that one end without having stopped it. */
    private static void stopWithParent() {
        String parent = System.getenv("ENGINE_PARENT_PID");
        if (parent != null && !parent.isBlank()) {
            ProcessHandle.of(Long.parseLong(parent)).ifPresentOrElse(
                process -> process.onExit().thenRun(() -> System.exit(0)),
                () -> System.exit(0));
        }
    }

    private static boolean isWorker() {
        return "WORKER".equalsIgnoreCase(System.getenv("ENGINE_SERVER_TYPE"));
    }

    private static int workerThreads() {
        String threads = System.getenv("ENGINE_WORKER_THREADS");
        return threads == null || threads.isBlank() ? 8 : Integer.parseInt(threads.strip());
    }

    private static String startStandalone() throws Exception {
        requireSetting("ENGINE_DATA_DIR");
        requireSetting("KESTRA_USERNAME");
        requireSetting("KESTRA_PASSWORD");
        boolean website = System.getenv().getOrDefault("WEBSITE_ORIGIN", "").startsWith("http");
        ApplicationContext context = ApplicationContext.builder()
            .mainClass(Main.class)
            .deduceEnvironment(false)
            .banner(false)
            .properties(Map.of("micronaut.server.cors.enabled", website))
            .build();
        Database.recover(context.getEnvironment().start());
        context.start();
        String folders = System.getenv("ENGINE_FLOWS_DIR");
        if (folders != null && !folders.isBlank()) {
            FlowFolder.of(folders).deploy(context);
        }
        String dashboards = System.getenv("ENGINE_DASHBOARDS_DIR");
        if (dashboards != null && !dashboards.isBlank()) {
            new DashboardFolder(Path.of(dashboards)).check(context);
        }
        EngineParts parts = EngineParts.start(context, workerThreads());
        Runtime.getRuntime().addShutdownHook(new Thread(parts::stop, "stop"));
        return "ready http://127.0.0.1:" + parts.port();
    }

    private static String startWorker() {
        requireSetting("ENGINE_DATA_DIR");
        ApplicationContext context = ApplicationContext.builder()
            .mainClass(Main.class)
            .deduceEnvironment(false)
            .banner(false)
            .environments("worker")
            .start();
        EngineParts parts = EngineParts.startWorker(context, workerThreads());
        Runtime.getRuntime().addShutdownHook(new Thread(parts::stop, "stop"));
        return "ready worker";
    }

    private static void requireSetting(String name) {
        String value = System.getenv(name);
        if (value == null || value.isBlank()) {
            throw new StartProblem(name + " is not set");
        }
        if (name.endsWith("_DIR") && !Path.of(value).isAbsolute()) {
            throw new StartProblem(name + " must be an absolute path");
        }
    }

    /** The reason a person needs: our own sentence, or the innermost cause of what the engine threw. */
    private static String oneLine(Throwable problem) {
        Throwable cause = problem;
        while (!(cause instanceof StartProblem) && cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        if (message.startsWith("The file is locked")) {
            return "the data folder is in use by another engine";
        }
        String prefix = cause instanceof StartProblem ? "" : cause.getClass().getSimpleName() + ": ";
        return prefix + message.replaceAll("\\s*[\\r\\n]+\\s*", "; ").strip();
    }
}

import io.kestra.jdbc.JdbcQueueItem;
import io.kestra.jdbc.JdbcTableConfig;
import io.kestra.jdbc.JooqDSLContextWrapper;
import io.kestra.jdbc.JooqSettings;
import io.kestra.jdbc.runner.JdbcQueueConfiguration;
import io.kestra.queue.jdbc.client.JdbcQueueClient;
import io.kestra.queue.jdbc.client.JdbcQueueClient.PublishedMessage;
import io.kestra.repository.h2.H2Repository;
import io.micronaut.transaction.TransactionOperations;
import java.lang.reflect.Constructor;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;

/**
 * Takes three messages from a queue in which 500 wait, with Kestra's own client or with the embedded engine's.
 *
 * <p>Arguments: the class of the client, the database's URL. Prints what it has taken, and how many bytes H2 wrote for it.
 */
class TakeFromFullQueue {
    private static final String QUEUE = "worker_job_event";
    private static final String PADDING = "x".repeat(2_000);

    public static void main(String[] arguments) throws Exception {
        JdbcDataSource source = new JdbcDataSource();
        source.setURL(arguments[1]);
        source.setUser("kestra");
        source.setPassword("");
        try (Connection connection = source.getConnection()) {
            connection.createStatement().execute(resource("migrations/2.0.02-queue-h2.sql"));
            JdbcQueueClient client = client(Class.forName(arguments[0]), source);
            client.publish(IntStream.range(0, 500).mapToObj(TakeFromFullQueue::message).toList());
            List<String> taken = new ArrayList<>();
            long before = written(connection);
            for (int look = 0; look < 3; look++) {
                client.subscribeDispatch(QUEUE, null, message -> taken.add(new String(message, StandardCharsets.UTF_8)));
            }
            System.out.println(taken.stream().map(message -> message.replaceAll("\\D", "")).toList());
            System.out.println(written(connection) - before);
        }
    }

    private static PublishedMessage message(int number) {
        return new PublishedMessage(QUEUE, null, "key", "{\"number\": %d, \"padding\": \"%s\"}".formatted(number, PADDING));
    }

    private static JdbcQueueClient client(Class<?> type, JdbcDataSource source) throws Exception {
        DSLContext context = DSL.using(source, SQLDialect.H2, new JooqSettings().settings());
        JooqDSLContextWrapper database = new JooqDSLContextWrapper(context, source);
        H2Repository<JdbcQueueItem> items = new H2Repository<>(
            new JdbcTableConfig("queues", JdbcQueueItem.class, "queues"), database);
        Duration pause = Duration.ofMillis(5);
        var configuration = new JdbcQueueConfiguration(pause, pause, pause, 1, 1, true);
        if (type == JdbcQueueClient.class) {
            return new JdbcQueueClient(items, database, configuration);
        }
        Object none = Proxy.newProxyInstance(TakeFromFullQueue.class.getClassLoader(),
            new Class<?>[] {TransactionOperations.class}, (proxy, method, values) -> Optional.empty());
        Constructor<?> constructor = type.getDeclaredConstructors()[0];
        constructor.setAccessible(true);
        return (JdbcQueueClient) constructor.newInstance(items, database, configuration, none, Duration.ofDays(1));
    }

    private static long written(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            ResultSet row = statement.executeQuery(
                "SELECT setting_value FROM information_schema.settings WHERE setting_name = 'info.FILE_WRITE_BYTES'");
            row.next();
            return row.getLong(1);
        }
    }

    private static String resource(String name) throws Exception {
        try (var stream = TakeFromFullQueue.class.getClassLoader().getResourceAsStream(name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Random;
import org.h2.engine.SessionLocal;
import org.h2.jdbc.JdbcConnection;
import org.h2.mvstore.MVStore;

/**
 * Writes large values from several threads, and compacts what they leave, until it dies of kill -9.
 *
 * <p>Or reads them all, twice, closed in order in between.
 */
class WriteUntilKilled {
    private static final int WRITERS = 8;
    private static final int LARGEST = 300_000;
    private static final int RETENTION_MS = 500;
    private static final int COMPACT_EVERY_MS = 100;

    public static void main(String[] arguments) throws Exception {
        String url = arguments[1];
        if (arguments[0].equals("read")) {
            read(url);
            read(url);
            return;
        }
        try (Connection connection = DriverManager.getConnection(url, "kestra", ""); Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS kept(id INT PRIMARY KEY, text VARCHAR)");
            statement.execute("CREATE TABLE IF NOT EXISTS queue(id IDENTITY PRIMARY KEY, writer INT, text VARCHAR)");
        }
        for (int writer = 0; writer < WRITERS; writer++) {
            int number = writer;
            Thread.ofPlatform().start(() -> write(url, number));
        }
        Thread.ofPlatform().daemon().start(() -> compact(url));
        Thread.sleep(Long.parseLong(arguments[2]));
        Runtime.getRuntime().halt(9);
    }

    private static void write(String url, int writer) {
        Random random = new Random(writer);
        try (Connection connection = DriverManager.getConnection(url, "kestra", "");
            PreparedStatement keep = connection.prepareStatement("MERGE INTO kept KEY(id) VALUES(?, ?)");
            PreparedStatement add = connection.prepareStatement("INSERT INTO queue(writer, text) VALUES(?, ?)");
            PreparedStatement take = connection.prepareStatement("DELETE FROM queue WHERE writer = ?")) {
            connection.setAutoCommit(false);
            for (int turn = 0; ; turn++) {
                String text = "x".repeat(random.nextInt(LARGEST));
                keep.setInt(1, 100 * writer + turn % 20);
                keep.setString(2, text);
                keep.execute();
                for (int message = 0; message < 3; message++) {
                    add.setInt(1, writer);
                    add.setString(2, text);
                    add.execute();
                }
                connection.commit();
                take.setInt(1, writer);
                take.execute();
                connection.commit();
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** As the engine does, but sooner and more often. */
    private static void compact(String url) {
        try (Connection connection = DriverManager.getConnection(url, "kestra", "")) {
            var session = (SessionLocal) connection.unwrap(JdbcConnection.class).getSession();
            MVStore store = session.getDatabase().getStore().getMvStore();
            store.setRetentionTime(RETENTION_MS);
            while (true) {
                Thread.sleep(COMPACT_EVERY_MS);
                store.compact(50, 4 << 20);
            }
        } catch (Exception e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void read(String url) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url, "kestra", ""); Statement statement = connection.createStatement()) {
            try (ResultSet kept = statement.executeQuery("SELECT COUNT(*), SUM(LENGTH(text)) FROM kept")) {
                if (!kept.next() || kept.getLong(1) < WRITERS) {
                    throw new IllegalStateException("Not every writer has written");
                }
            }
            statement.executeQuery("SELECT COUNT(*), SUM(LENGTH(text)) FROM queue").close();
            statement.execute("SHUTDOWN");
        }
    }
}

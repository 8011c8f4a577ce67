import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;

/** Dies in the middle of a transaction on an engine's database, with the half of it on disk: as an engine does on a kill. */
class LeaveOpen {
    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:h2:async:" + arguments[0] + "/db/kestra;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0;TIME ZONE=UTC";
        Connection open = DriverManager.getConnection(url, "kestra", "");
        open.setAutoCommit(false);
        open.createStatement().execute("DELETE FROM executions");
        try (Connection other = DriverManager.getConnection(url, "kestra", ""); Statement write = other.createStatement()) {
            write.execute("CHECKPOINT SYNC");
        }
        Runtime.getRuntime().halt(9);
    }
}

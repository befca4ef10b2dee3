/*
 * Runs Apache's mqadmin commands one after another in one JVM. Each line of stdin is a command with its arguments, separated by tabs;
 * what the command prints goes to stdout between the lines "##begin N" and "##end N". Arguments: the name server's address.
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.tools.command.MQAdminStartup;

public class AdminDriver {
    public static void main(String[] args) throws Exception {
        System.setProperty("rocketmq.namesrv.addr", args[0]);
        System.setErr(System.out); // failures are part of what is compared
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int number = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println("##begin " + number);
            try {
                MQAdminStartup.main0(line.split("\t"), null);
            } catch (Throwable error) {
                System.out.println("threw " + error);
            }
            System.out.println();
            System.out.println("##end " + number);
            System.out.flush();
            number++;
        }
        System.exit(0);
    }
}

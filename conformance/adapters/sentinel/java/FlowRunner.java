import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import com.alibaba.csp.sentinel.util.TimeUtil;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Asks Sentinel. Lines in: "rule GRADE COUNT BEHAVIOR WARMUP MAXQUEUE" begins a new resource, "at MS N" asks for N at a time, "exit" ends the newest
 * entry that is open (grade 0). A line out for each "at": -1 when blocked, else the milliseconds it waits.
 */
public class FlowRunner {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        FlowRule rule = null;
        int serial = 0;
        ArrayDeque<Entry> open = new ArrayDeque<>();
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ");
            if (parts[0].equals("rule")) {
                while (!open.isEmpty()) open.pollLast().exit();
                rule = new FlowRule("g" + serial++ + ":t");
                rule.setGrade(Integer.parseInt(parts[1]));
                rule.setCount(Double.parseDouble(parts[2]));
                rule.setControlBehavior(Integer.parseInt(parts[3]));
                rule.setWarmUpPeriodSec(Integer.parseInt(parts[4]));
                rule.setMaxQueueingTimeMs(Integer.parseInt(parts[5]));
                FlowRuleManager.loadRules(Collections.singletonList(rule));
            } else if (parts[0].equals("exit")) {
                if (!open.isEmpty()) open.pollLast().exit();
            } else {
                TimeUtil.now = Long.parseLong(parts[1]);
                try {
                    Entry entry = SphU.entry(rule.getResource(), EntryType.OUT, Integer.parseInt(parts[2]));
                    if (rule.getGrade() == 0) open.addLast(entry);
                    else entry.exit();
                    out.append(Math.max(0, latest(rule) - TimeUtil.now)).append('\n');
                } catch (BlockException blocked) {
                    out.append("-1\n");
                }
            }
        }
        System.out.print(out);
        System.out.flush();
        System.exit(0);
    }

    /** When the limiter of the rule in force lets pass what it let pass last; 0 for controllers that do not limit. */
    private static long latest(FlowRule rule) throws Exception {
        FlowRule inForce = FlowRuleManager.getRules().get(0);
        Field rater = FlowRule.class.getDeclaredField("controller");
        rater.setAccessible(true);
        Object controller = rater.get(inForce);
        try {
            Field field = controller.getClass().getDeclaredField("latestPassedTime");
            field.setAccessible(true);
            return ((AtomicLong) field.get(controller)).get();
        } catch (NoSuchFieldException none) {
            return 0;
        }
    }
}

/*
 * Asks Apache's own filter classes: each line of stdin is a question, each line of stdout its answer. Texts are hexadecimal UTF-16, so that any
 * character may stand in them.
 *
 *   compile SQL                      ok | refused [LINE:COLUMN], the place of a word that does not belong there
 *   evaluate SQL NAME=VALUE,...      true | false | null | threw | refused [LINE:COLUMN]
 *   bloom F N TEXT                   K M POSITION,...
 *   bits M POSITION,...              BYTES (hexadecimal)   TEXT of BitsArray (hexadecimal UTF-16)
 *   murmur TEXT                      the first 64 bits as a signed number
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.rocketmq.broker.filter.MessageEvaluationContext;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.expression.MQFilterException;
import org.apache.rocketmq.filter.util.BitsArray;
import org.apache.rocketmq.filter.util.BloomFilter;
import com.google.common.hash.Hashing;

public class FilterOracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.append(answer(line.split(" ", -1))).append('\n');
            if (!in.ready()) {
                System.out.print(out);
                System.out.flush();
                out.setLength(0);
            }
        }
        System.out.print(out);
        System.out.flush();
        System.exit(0);
    }

    static String answer(String[] words) {
        switch (words[0]) {
            case "compile":
                try {
                    compile(text(words[1]));
                    return "ok";
                } catch (MQFilterException e) {
                    return refused(e);
                }
            case "evaluate":
                return evaluate(text(words[1]), words[2]);
            case "bloom": {
                BloomFilter filter = BloomFilter.createByFn(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
                return filter.getK() + " " + filter.getM() + " " + list(filter.calcBitPositions(text(words[3])));
            }
            case "bits": {
                BitsArray bits = BitsArray.create(Integer.parseInt(words[1]));
                for (String position : words[2].split(",")) if (!position.isEmpty()) bits.setBit(Integer.parseInt(position), true);
                StringBuilder bytes = new StringBuilder();
                for (byte b : bits.bytes()) bytes.append(String.format("%02x", b));
                return bytes + " " + hex(bits.toString());
            }
            case "murmur":
                return String.valueOf(Hashing.murmur3_128().hashString(text(words[1]), StandardCharsets.UTF_8).asLong());
            default:
                return "unknown " + words[0];
        }
    }

    private static final Pattern PLACE = Pattern.compile("ParseException: Encountered .* at line (\\d+), column (\\d+)\\.", Pattern.DOTALL);

    static String refused(MQFilterException e) {
        String message = String.valueOf(e.getMessage());
        Matcher place = PLACE.matcher(message);
        return !message.contains("<EOF>") && place.find() ? "refused " + place.group(1) + ":" + place.group(2) : "refused";
    }

    static Expression compile(String sql) throws MQFilterException {
        return FilterFactory.INSTANCE.get("SQL92").compile(sql);
    }

    static String evaluate(String sql, String pairs) {
        Map<String, String> properties = new HashMap<>();
        for (String pair : pairs.split(",")) {
            if (pair.isEmpty()) continue;
            String[] parts = pair.split("=", -1);
            properties.put(text(parts[0]), text(parts[1]));
        }
        Expression expression;
        try {
            expression = compile(sql);
        } catch (MQFilterException e) {
            return refused(e);
        }
        try {
            return String.valueOf(expression.evaluate(new MessageEvaluationContext(properties)));
        } catch (Throwable e) {
            return "threw";
        }
    }

    static String list(int[] values) {
        return Arrays.stream(values).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }

    static String text(String hex) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i + 4 <= hex.length(); i += 4) out.append((char) Integer.parseInt(hex.substring(i, i + 4), 16));
        return out.toString();
    }

    static String hex(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : text.toCharArray()) out.append(String.format("%04x", (int) c));
        return out.toString();
    }
}

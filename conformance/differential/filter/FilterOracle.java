/*
 * Asks Apache's own filter classes: each line of stdin is a question, each line of stdout its answer. Texts are hexadecimal UTF-16, so that any
 * character may stand in them.
 *
 *   compile SQL                      ok | refused [LINE:COLUMN], the place of a word that does not belong there
 *   evaluate SQL NAME=VALUE,...      true | false | null | threw | refused [LINE:COLUMN]
 *   bloom F N TEXT                   K M POSITION,...
 *   bits M POSITION,...              BYTES (hexadecimal)   TEXT of BitsArray (hexadecimal UTF-16)
 *   murmur TEXT                      the first 64 bits as a signed number
 *   extension FILEBYTES UNIT,...     ADDRESS,... BASE:BYTES,... of the files' bytes up to the last that is not zero; a UNIT is TAGSCODE:STORETIME:BITS
 */
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
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
import org.apache.rocketmq.store.ConsumeQueueExt;
import com.google.common.hash.Hashing;

public class FilterOracle {
    public static void main(String[] args) throws Exception {
        Questions.answerAll(FilterOracle::answer);
    }

    static String answer(String[] words) {
        switch (words[0]) {
            case "compile":
                try {
                    compile(Questions.text(words[1]));
                    return "ok";
                } catch (MQFilterException e) {
                    return refused(e);
                }
            case "evaluate":
                return evaluate(Questions.text(words[1]), words[2]);
            case "bloom": {
                BloomFilter filter = BloomFilter.createByFn(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
                return filter.getK() + " " + filter.getM() + " " + list(filter.calcBitPositions(Questions.text(words[3])));
            }
            case "bits": {
                BitsArray bits = BitsArray.create(Integer.parseInt(words[1]));
                for (String position : words[2].split(",")) if (!position.isEmpty()) bits.setBit(Integer.parseInt(position), true);
                StringBuilder bytes = new StringBuilder();
                for (byte b : bits.bytes()) bytes.append(String.format("%02x", b));
                return bytes + " " + Questions.hex(bits.toString());
            }
            case "murmur":
                return String.valueOf(Hashing.murmur3_128().hashString(Questions.text(words[1]), StandardCharsets.UTF_8).asLong());
            case "extension":
                return extension(Integer.parseInt(words[1]), words[2].split(","));
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
            properties.put(Questions.text(parts[0]), Questions.text(parts[1]));
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

    /** Units as Apache's own class appends them, and the files it makes. */
    static String extension(int fileBytes, String[] units) {
        try {
            Path dir = Files.createTempDirectory("filter-oracle");
            ConsumeQueueExt extension = new ConsumeQueueExt("T", 0, dir.toString(), fileBytes, 0);
            List<String> addresses = new ArrayList<>();
            for (String unit : units) {
                String[] parts = unit.split(":", -1);
                byte[] bits = new byte[parts[2].length() / 2];
                for (int i = 0; i < bits.length; i++) bits[i] = (byte) Integer.parseInt(parts[2].substring(2 * i, 2 * i + 2), 16);
                ConsumeQueueExt.CqExtUnit one = new ConsumeQueueExt.CqExtUnit();
                one.setTagsCode(Long.parseLong(parts[0]));
                one.setMsgStoreTime(Long.parseLong(parts[1]));
                one.setFilterBitMap(bits.length == 0 ? null : bits);
                addresses.add(String.valueOf(extension.put(one)));
            }
            extension.flush(0);
            List<String> files = new ArrayList<>();
            File[] found = dir.resolve("T").resolve("0").toFile().listFiles();
            Arrays.sort(found);
            for (File file : found) {
                byte[] bytes = Files.readAllBytes(file.toPath());
                int end = bytes.length;
                while (end > 0 && bytes[end - 1] == 0) end--;
                StringBuilder hex = new StringBuilder();
                for (int i = 0; i < end; i++) hex.append(String.format("%02x", bytes[i]));
                files.add(Long.parseLong(file.getName()) + ":" + hex);
            }
            extension.destroy();
            for (File left : new File[] {dir.resolve("T").resolve("0").toFile(), dir.resolve("T").toFile(), dir.toFile()}) left.delete();
            return String.join(",", addresses) + " " + String.join(",", files);
        } catch (IOException e) {
            return "failed " + e.getMessage();
        }
    }

    static String list(int[] values) {
        return Arrays.stream(values).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }
}

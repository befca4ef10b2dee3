import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** What the Java programs share: commands from stdin, events to stdout, and which deliveries are refused. */
final class Puppet {
    private static final PrintStream OUT = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);
    private static final Set<String> REFUSED = ConcurrentHashMap.newKeySet();

    interface Commands {
        void run(Map<String, Object> command, Object re) throws Exception;
    }

    /** Obeys until `exit` or the end of stdin, each command in a thread of its own. */
    static void obey(String sdk, Commands commands) throws Exception {
        System.setOut(System.err); // whatever a library prints must not mix with events
        ExecutorService workers = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        say("event", "ready", "sdk", sdk);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Map<String, Object> command = new Json(line).object();
            if ("exit".equals(command.get("do"))) {
                break;
            }
            workers.execute(() -> {
                Object re = command.get("re");
                try {
                    commands.run(command, re);
                    say("event", "done", "re", re);
                } catch (Throwable error) {
                    StringWriter text = new StringWriter();
                    error.printStackTrace(new PrintWriter(text));
                    say("event", "error", "re", re, "message", text.toString());
                }
            });
        }
        Runtime.getRuntime().halt(0);
    }

    /** Whether the consumer's orders are to refuse this delivery. */
    static boolean refuses(String as, Map<String, Object> command, String key) {
        String fail = command.get("fail") == null ? "never" : (String) command.get("fail");
        switch (fail) {
            case "always":
                return true;
            case "once":
                return key.endsWith("0") && REFUSED.add(as + key);
            case "nth": {
                int nth = Integer.parseInt(key.substring(key.lastIndexOf('-') + 1));
                int every = number(command, "failEvery", 1);
                return nth % every == every - 1 && nth < number(command, "failBefore", Integer.MAX_VALUE) && REFUSED.add(command.get("group") + " " + key);
            }
            default:
                return false;
        }
    }

    static int number(Map<String, Object> from, String name, int or) {
        Object value = from.get(name);
        return value == null ? or : ((Number) value).intValue();
    }

    static void say(Object... members) {
        Map<String, Object> event = new LinkedHashMap<>();
        for (int i = 0; i < members.length; i += 2) {
            if (members[i + 1] != null) {
                event.put((String) members[i], members[i + 1]);
            }
        }
        String line = Json.text(event);
        synchronized (OUT) {
            OUT.println(line);
        }
    }

    /** JSON of the few shapes that commands and events have; neither release's own JSON library is in both. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        Map<String, Object> object() {
            Map<String, Object> out = new LinkedHashMap<>();
            expect('{');
            while (peek() != '}') {
                String name = string();
                expect(':');
                out.put(name, value());
                if (peek() == ',') {
                    at++;
                }
            }
            at++;
            return out;
        }

        private Object value() {
            char c = peek();
            if (c == '{') {
                return object();
            }
            if (c == '"') {
                return string();
            }
            if (c == '[') {
                at++;
                List<Object> out = new ArrayList<>();
                while (peek() != ']') {
                    out.add(value());
                    if (peek() == ',') {
                        at++;
                    }
                }
                at++;
                return out;
            }
            int start = at;
            while (",]}".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at).trim();
            return switch (word) {
                case "true" -> Boolean.TRUE;
                case "false" -> Boolean.FALSE;
                case "null" -> null;
                default -> Long.valueOf(word);
            };
        }

        private String string() {
            expect('"');
            StringBuilder out = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                c = text.charAt(at++);
                if (c == 'u') {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    out.append(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
                }
            }
            return out.toString();
        }

        private char peek() {
            while (text.charAt(at) == ' ') {
                at++;
            }
            return text.charAt(at);
        }

        private void expect(char c) {
            if (peek() != c) {
                throw new IllegalArgumentException("no " + c + " at " + at + " of " + text);
            }
            at++;
        }

        static String text(Object value) {
            if (value instanceof Map<?, ?> map) {
                List<String> parts = new ArrayList<>();
                map.forEach((name, member) -> parts.add(text(name) + ":" + text(member)));
                return "{" + String.join(",", parts) + "}";
            }
            if (value instanceof Collection<?> list) {
                List<String> parts = new ArrayList<>();
                list.forEach(member -> parts.add(text(member)));
                return "[" + String.join(",", parts) + "]";
            }
            if (value instanceof Number || value instanceof Boolean) {
                return value.toString();
            }
            StringBuilder out = new StringBuilder("\"");
            for (char c : value.toString().toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            return out.append('"').toString();
        }
    }
}

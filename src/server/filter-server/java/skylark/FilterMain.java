package skylark;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.apache.rocketmq.common.filter.FilterContext;
import org.apache.rocketmq.common.filter.MessageFilter;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The child JVM of a filter server: compiles one uploaded source, then judges messages with it, one after the other. It is told what to do on
 * stdin and answers on stdout; it ends when stdin ends. Time limits are the parent's, who ends it.
 *
 * <pre>
 * request  int32 length of the rest | int8 kind | LOAD 1: text className, text source
 *                                               | MATCH 2: text consumerGroup, then the message as `message` reads it
 * answer   int32 length of the rest | int8 kind | LOADED 0, FAILED 1: text, MATCHED 2, NOT_MATCHED 3, THREW 4: text
 * text     int32 bytes | UTF-8
 * </pre>
 */
public final class FilterMain {
    private static final int LOAD = 1;
    private static final int LOADED = 0;
    private static final int FAILED = 1;
    private static final int MATCHED = 2;
    private static final int NOT_MATCHED = 3;
    private static final int THREW = 4;
    private static final int TEXT_MAX = 1000;
    private static final byte[] END = new byte[0];

    private static DataOutputStream answers;
    private static MessageFilter filter;

    private FilterMain() {
    }

    public static void main(String[] args) throws Exception {
        InputStream stdin = System.in;
        answers = new DataOutputStream(System.out);
        // What a filter prints is nobody's.
        System.setIn(new ByteArrayInputStream(new byte[0]));
        System.setOut(new PrintStream(new Nowhere()));
        System.setErr(new PrintStream(new Nowhere()));
        BlockingQueue<byte[]> requests = new LinkedBlockingQueue<>();
        Thread reader = new Thread(() -> read(new DataInputStream(stdin), requests), "requests");
        reader.setDaemon(true);
        reader.start();
        for (;;) {
            byte[] request = requests.take();
            if (request == END) {
                Runtime.getRuntime().halt(0);
            }
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(request));
            if (in.readByte() == LOAD) {
                String fault = load(text(in), text(in));
                answer(fault == null ? LOADED : FAILED, fault);
            } else {
                match(in);
            }
        }
    }

    /** Also while a filter is busy: the parent is gone when stdin ends, and then nobody waits for an answer. */
    private static void read(DataInputStream in, BlockingQueue<byte[]> requests) {
        try {
            for (;;) {
                byte[] request = new byte[in.readInt()];
                in.readFully(request);
                requests.add(request);
            }
        } catch (Throwable ended) {
            Runtime.getRuntime().halt(0);
        }
    }

    private static void answer(int kind, String text) throws IOException {
        byte[] bytes = text == null ? new byte[0] : text.substring(0, Math.min(text.length(), TEXT_MAX)).getBytes(StandardCharsets.UTF_8);
        answers.writeInt(1 + bytes.length);
        answers.writeByte(kind);
        answers.write(bytes);
        answers.flush();
    }

    private static void match(DataInputStream in) throws IOException {
        FilterContext context = new FilterContext();
        context.setConsumerGroup(text(in));
        MessageExt message = message(in);
        boolean matched;
        try {
            matched = filter.match(message, context);
        } catch (Throwable thrown) {
            answer(THREW, describe(thrown));
            return;
        }
        answer(matched ? MATCHED : NOT_MATCHED, null);
    }

    private static String describe(Throwable thrown) {
        try {
            return String.valueOf(thrown);
        } catch (Throwable another) {
            return thrown.getClass().getName();
        }
    }

    private static String load(String className, String source) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            return "this Java has no compiler";
        }
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        Classes classes = new Classes(compiler.getStandardFileManager(diagnostics, null, StandardCharsets.UTF_8));
        JavaFileObject file = new Source(className.substring(className.lastIndexOf('.') + 1), source);
        // No annotation processors, no other sources, nothing but the classes that filters know.
        List<String> options = Arrays.asList("-proc:none", "-implicit:none", "-nowarn", "-g:none", "-sourcepath", "", "-classpath", System.getProperty("java.class.path"));
        StringWriter said = new StringWriter();
        try {
            if (!compiler.getTask(said, classes, diagnostics, options, null, Collections.singleton(file)).call()) {
                return errors(diagnostics, said.toString());
            }
            return start(className, classes.compiled());
        } catch (Throwable thrown) {
            return describe(thrown.getCause() == null ? thrown : thrown.getCause());
        }
    }

    private static String errors(DiagnosticCollector<JavaFileObject> diagnostics, String said) {
        StringBuilder text = new StringBuilder();
        for (Diagnostic<? extends JavaFileObject> one : diagnostics.getDiagnostics()) {
            if (one.getKind() == Diagnostic.Kind.ERROR && text.length() < TEXT_MAX) {
                text.append(text.length() == 0 ? "" : "; ").append("line ").append(one.getLineNumber()).append(": ").append(one.getMessage(null));
            }
        }
        return text.length() == 0 ? said : text.toString();
    }

    private static String start(String className, Map<String, byte[]> compiled) throws Exception {
        for (Map.Entry<String, byte[]> one : compiled.entrySet()) {
            String fault = AllowedClasses.fault(one.getValue(), compiled.keySet());
            if (fault != null) {
                return fault;
            }
        }
        String simple = className.substring(className.lastIndexOf('.') + 1);
        String found = className;
        if (!compiled.containsKey(className)) {
            // As Apache's filter server, which reads the package from the source.
            found = compiled.keySet().stream().filter(name -> name.endsWith("." + simple) || name.equals(simple)).findFirst().orElse(null);
        }
        if (found == null) {
            return "the source declares no class " + className;
        }
        Class<?> loaded = new Loader(compiled).loadClass(found);
        if (!MessageFilter.class.isAssignableFrom(loaded)) {
            return found + " does not implement " + MessageFilter.class.getName();
        }
        java.lang.reflect.Constructor<?> constructor = loaded.getDeclaredConstructor();
        constructor.setAccessible(true);
        filter = (MessageFilter) constructor.newInstance();
        return null;
    }

    private static String text(DataInputStream in) throws IOException {
        return new String(bytes(in), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }

    /** text topic, int32 queueId, flag, int64 queueOffset, commitLogOffset, int32 sysFlag, int64 bornTimestamp, host, int64 storeTimestamp, host, int32 reconsumeTimes,
     * int64 preparedTransactionOffset, int32 bodyCRC, storeSize, text msgId, int32 properties, texts name and value of each, int32 bytes, body. */
    private static MessageExt message(DataInputStream in) throws IOException {
        MessageExt message = new MessageExt();
        message.setTopic(text(in));
        message.setQueueId(in.readInt());
        message.setFlag(in.readInt());
        message.setQueueOffset(in.readLong());
        message.setCommitLogOffset(in.readLong());
        message.setSysFlag(in.readInt());
        message.setBornTimestamp(in.readLong());
        message.setBornHost(host(in));
        message.setStoreTimestamp(in.readLong());
        message.setStoreHost(host(in));
        message.setReconsumeTimes(in.readInt());
        message.setPreparedTransactionOffset(in.readLong());
        message.setBodyCRC(in.readInt());
        message.setStoreSize(in.readInt());
        message.setMsgId(text(in));
        Map<String, String> properties = new HashMap<>();
        for (int left = in.readInt(); left > 0; left--) {
            properties.put(text(in), text(in));
        }
        message.setProperties(properties);
        message.setBody(bytes(in));
        return message;
    }

    /** int32 4 or 16 | address | int32 port. */
    private static InetSocketAddress host(DataInputStream in) throws IOException {
        InetAddress address = InetAddress.getByAddress(bytes(in));
        return new InetSocketAddress(address, in.readInt() & 0xffff);
    }

    private static final class Nowhere extends OutputStream {
        @Override
        public void write(int one) {
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
        }
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String simpleName, String text) {
            super(URI.create("string:///" + simpleName + Kind.SOURCE.extension), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    /** Keeps what the compiler makes in memory. */
    private static final class Classes extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ByteArrayOutputStream> made = new LinkedHashMap<>();

        Classes(JavaFileManager files) {
            super(files);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
            return new SimpleJavaFileObject(URI.create("bytes:///" + className.replace('.', '/') + kind.extension), kind) {
                @Override
                public OutputStream openOutputStream() {
                    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                    made.put(className, bytes);
                    return bytes;
                }
            };
        }

        Map<String, byte[]> compiled() {
            Map<String, byte[]> classes = new LinkedHashMap<>();
            made.forEach((name, bytes) -> classes.put(name, bytes.toByteArray()));
            return classes;
        }
    }

    /** Knows the classes of the source, the classes that filters know, and those of Java. */
    private static final class Loader extends ClassLoader {
        private final Map<String, byte[]> classes;

        Loader(Map<String, byte[]> classes) {
            super(FilterMain.class.getClassLoader());
            this.classes = classes;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            byte[] bytes = classes.get(name);
            if (bytes == null) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : defineClass(name, bytes, 0, bytes.length);
            }
        }
    }
}

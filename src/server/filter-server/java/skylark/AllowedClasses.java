package skylark;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * What the classes of an uploaded source may name: read from their constant pools before they are loaded. Without a class there is no object of
 * it and no call into it, so what is not named here (files, sockets, processes, threads, reflection, class loaders, this program) cannot be reached
 * by linking; reflection, which could get there without linking, is among what may not be named. This is a second fence: the first is the process.
 */
final class AllowedClasses {
    private static final Set<String> PACKAGES = set("java.math", "java.text", "java.time", "java.time.chrono", "java.time.format", "java.time.temporal",
        "java.time.zone", "java.nio.charset", "java.util", "java.util.function", "java.util.regex", "java.util.stream", "java.util.concurrent.atomic",
        "org.apache.rocketmq.common.filter", "org.apache.rocketmq.common.message");

    /** Of packages that are not open as a whole. */
    private static final Set<String> CLASSES = set(
        "java.lang.Object", "java.lang.String", "java.lang.StringBuilder", "java.lang.StringBuffer", "java.lang.CharSequence", "java.lang.Comparable",
        "java.lang.Iterable", "java.lang.Cloneable", "java.lang.AutoCloseable", "java.lang.Appendable", "java.lang.Number", "java.lang.Byte",
        "java.lang.Short", "java.lang.Integer", "java.lang.Long", "java.lang.Float", "java.lang.Double", "java.lang.Boolean", "java.lang.Character",
        "java.lang.Void", "java.lang.Math", "java.lang.StrictMath", "java.lang.Enum", "java.lang.Record", "java.lang.System", "java.lang.Class",
        "java.lang.Override", "java.lang.Deprecated", "java.lang.FunctionalInterface", "java.lang.SafeVarargs", "java.lang.SuppressWarnings",
        "java.lang.StackTraceElement", "java.lang.Runnable", "java.lang.ThreadLocal", "java.lang.MatchException",
        "java.lang.invoke.LambdaMetafactory", "java.lang.invoke.StringConcatFactory", "java.lang.invoke.MethodHandles$Lookup",
        "java.lang.invoke.MethodHandles", "java.lang.runtime.ObjectMethods", "java.lang.runtime.SwitchBootstraps",
        "java.io.Serializable", "java.io.IOException", "java.io.UncheckedIOException", "java.io.UnsupportedEncodingException", "java.io.PrintStream",
        "java.io.InputStream", "java.io.OutputStream", "java.io.ByteArrayInputStream", "java.io.ByteArrayOutputStream", "java.io.DataInputStream",
        "java.io.DataOutputStream", "java.io.EOFException", "java.io.StringReader", "java.io.StringWriter", "java.io.Reader", "java.io.Writer",
        "java.io.BufferedReader", "java.nio.ByteBuffer", "java.nio.CharBuffer", "java.nio.ByteOrder", "java.nio.Buffer",
        "java.nio.BufferUnderflowException", "java.util.zip.CRC32", "java.util.concurrent.TimeUnit", "java.util.concurrent.ConcurrentHashMap",
        "java.util.concurrent.ConcurrentMap", "java.util.concurrent.ThreadLocalRandom", "java.util.concurrent.CopyOnWriteArrayList",
        "java.net.SocketAddress", "java.net.InetSocketAddress", "java.net.InetAddress", "java.lang.annotation.Annotation",
        "java.lang.annotation.Retention", "java.lang.annotation.RetentionPolicy", "java.lang.annotation.Target", "java.lang.annotation.ElementType");

    /** Of open packages: they open files, load classes or make threads. */
    private static final Set<String> CLOSED = set("java.util.Formatter", "java.util.Scanner", "java.util.Timer", "java.util.TimerTask", "java.util.ServiceLoader",
        "java.util.ResourceBundle", "java.util.ResourceBundle$Control", "java.util.PropertyResourceBundle", "java.util.ListResourceBundle", "java.util.Properties",
        "java.util.Currency");

    /** Where only some methods may be called. */
    private static final Set<String> SYSTEM = set("currentTimeMillis", "nanoTime", "arraycopy", "identityHashCode", "lineSeparator", "out", "err");
    private static final Set<String> CLASS = set("getName", "getSimpleName", "hashCode", "equals", "toString", "isInstance", "cast", "desiredAssertionStatus",
        "getEnumConstants", "isAssignableFrom", "isArray", "isEnum", "isInterface");
    private static final Set<String> INET = set("getAddress", "getHostAddress", "getHostString", "getPort", "toString", "hashCode", "equals");
    private static final Set<String> PRINT = set("print", "println", "printf", "format", "append", "write", "flush");
    /** What javac makes of lambdas, of +, of records and of patterns. */
    private static final Set<String> BOOTSTRAPS = set("java.lang.invoke.LambdaMetafactory.metafactory", "java.lang.invoke.LambdaMetafactory.altMetafactory",
        "java.lang.invoke.StringConcatFactory.makeConcat", "java.lang.invoke.StringConcatFactory.makeConcatWithConstants",
        "java.lang.runtime.ObjectMethods.bootstrap", "java.lang.runtime.SwitchBootstraps.typeSwitch", "java.lang.runtime.SwitchBootstraps.enumSwitch");

    private AllowedClasses() {
    }

    /** Why the class may not be loaded, or null. `own` are the names of all classes of the source. */
    static String fault(byte[] classFile, Set<String> own) throws IOException {
        Pool pool = new Pool(classFile);
        for (int i = 1; i < pool.tags.length; i++) {
            switch (pool.tags[i]) {
                case Pool.CLASS: {
                    String name = className(pool.text(pool.first[i]));
                    if (name != null && !isOpen(name, own)) {
                        return "a filter may not use " + name;
                    }
                    break;
                }
                case Pool.FIELD:
                case Pool.METHOD:
                case Pool.INTERFACE_METHOD: {
                    String name = className(pool.text(pool.first[pool.first[i]]));
                    String member = pool.text(pool.first[pool.second[i]]);
                    if (name != null && !isOpenMember(name, member, own)) {
                        return "a filter may not use " + name + "." + member;
                    }
                    break;
                }
                default:
                    break;
            }
        }
        return null;
    }

    private static boolean isOpen(String name, Set<String> own) {
        if (own.contains(name)) {
            return true;
        }
        if (CLASSES.contains(name)) {
            return true;
        }
        // Every exception of java.lang and java.util may be thrown and caught.
        if (name.matches("java\\.lang\\.[A-Z]\\w*(Exception|Error)|java\\.lang\\.Throwable")) {
            return true;
        }
        return PACKAGES.contains(name.substring(0, Math.max(0, name.lastIndexOf('.')))) && !CLOSED.contains(name);
    }

    private static boolean isOpenMember(String name, String member, Set<String> own) {
        if (own.contains(name)) {
            return true;
        }
        switch (name) {
            case "java.lang.System":
                return SYSTEM.contains(member);
            case "java.lang.Class":
                return CLASS.contains(member);
            case "java.net.SocketAddress":
            case "java.net.InetSocketAddress":
            case "java.net.InetAddress":
                return INET.contains(member);
            case "java.io.PrintStream":
                return PRINT.contains(member);
            default:
                return !(name.startsWith("java.lang.invoke.") || name.startsWith("java.lang.runtime.")) || BOOTSTRAPS.contains(name + "." + member);
        }
    }

    /** The class of a constant, with dots; of an array that of its elements; null for arrays of primitives. */
    private static String className(String constant) {
        String name = constant;
        if (name.startsWith("[")) {
            String element = name.replaceFirst("^\\[+", "");
            if (!element.startsWith("L")) {
                return null;
            }
            name = element.substring(1, element.length() - 1);
        }
        return name.replace('/', '.');
    }

    private static Set<String> set(String... words) {
        return new HashSet<>(Arrays.asList(words));
    }

    /** The constant pool of a class file (JVMS 4.4). */
    private static final class Pool {
        static final int CLASS = 7;
        static final int FIELD = 9;
        static final int METHOD = 10;
        static final int INTERFACE_METHOD = 11;
        private static final int METHOD_HANDLE = 15;

        final int[] tags;
        final int[] first;
        final int[] second;
        private final String[] texts;

        Pool(byte[] bytes) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            if (in.readInt() != 0xCAFEBABE) {
                throw new IOException("no class file");
            }
            in.readInt();
            int count = in.readUnsignedShort();
            tags = new int[count];
            first = new int[count];
            second = new int[count];
            texts = new String[count];
            for (int i = 1; i < count; i++) {
                tags[i] = in.readUnsignedByte();
                switch (tags[i]) {
                    case 1:
                        texts[i] = in.readUTF();
                        break;
                    case 3:
                    case 4:
                        in.readInt();
                        break;
                    case 5:
                    case 6:
                        in.readLong();
                        i++;
                        break;
                    case CLASS:
                    case 8:
                    case 16:
                    case 19:
                    case 20:
                        first[i] = in.readUnsignedShort();
                        break;
                    case FIELD:
                    case METHOD:
                    case INTERFACE_METHOD:
                    case 12:
                    case 17:
                    case 18:
                        first[i] = in.readUnsignedShort();
                        second[i] = in.readUnsignedShort();
                        break;
                    case METHOD_HANDLE:
                        first[i] = in.readUnsignedByte();
                        second[i] = in.readUnsignedShort();
                        break;
                    default:
                        throw new IOException("constant of kind " + tags[i]);
                }
            }
        }

        String text(int index) {
            return texts[index];
        }
    }
}

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * The Java SDK under the suites' command: reads one JSON command a line from stdin, drives the real client, prints one JSON
 * event a line. Commands and events: conformance/sdk/README.md. One source for the 4.9 and 5.5 clients: what moved between
 * packages is reached without naming its class. Arguments: NAMESRV.
 */
public final class SdkProgram {
    private static final Map<String, DefaultMQPushConsumer> CONSUMERS = new ConcurrentHashMap<>();
    private static final Map<String, String> TOPICS = new ConcurrentHashMap<>();
    private static String namesrv;
    private static DefaultMQProducer producer;
    private static DefaultMQProducer traced;
    private static TransactionMQProducer transactional;
    private static DefaultMQAdminExt admin;

    public static void main(String[] args) throws Exception {
        namesrv = args[0];
        Puppet.obey("java", SdkProgram::run);
    }

    private static void run(Map<String, Object> command, Object re) throws Exception {
        String topic = (String) command.get("topic");
        String as = (String) command.get("as");
        switch ((String) command.get("do")) {
            case "createTopic": {
                TopicConfig config = new TopicConfig(topic);
                config.setReadQueueNums(Puppet.number(command, "queues", 4));
                config.setWriteQueueNums(Puppet.number(command, "queues", 4));
                admin().createAndUpdateTopicConfig((String) command.get("broker"), config);
                break;
            }
            case "deleteTopic":
                admin().deleteTopicInBroker(Collections.singleton((String) command.get("broker")), topic);
                deleteInNameServer(topic);
                break;
            case "listTopics":
                Puppet.say("event", "topics", "re", re, "topics", new ArrayList<>(admin().fetchAllTopicList().getTopicList()));
                break;
            case "send":
                send(command, re, topic);
                break;
            case "transact":
                transact(command, re, topic);
                break;
            case "request":
                request(command, re, topic);
                break;
            case "subscribe":
                subscribe(command, as, topic);
                break;
            case "assignment": {
                List<Integer> queues = new ArrayList<>();
                DefaultMQPushConsumer consumer = CONSUMERS.get(as);
                for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
                    if (queue.getTopic().equals(TOPICS.get(as))) {
                        queues.add(queue.getQueueId());
                    }
                }
                Puppet.say("event", "assigned", "re", re, "as", as, "queues", queues);
                break;
            }
            case "unsubscribe":
                CONSUMERS.remove(as).shutdown();
                break;
            case "pull":
                pull(command, as, topic);
                break;
            case "queryKey":
                for (MessageExt message : admin().queryMessage(topic, (String) command.get("key"), 32, 0, System.currentTimeMillis() + 3600_000L).getMessageList()) {
                    received(as, message, true);
                }
                break;
            case "viewId":
                received(as, admin().viewMessage(topic, (String) command.get("msgId")), true);
                break;
            default:
                throw new IllegalArgumentException("java has no " + command.get("do"));
        }
    }

    private static synchronized DefaultMQProducer producer() throws Exception {
        if (producer == null) {
            producer = started("java_producer", "producer", false);
        }
        return producer;
    }

    /** A producer that writes what it does into the trace topic. */
    private static synchronized DefaultMQProducer traced() throws Exception {
        if (traced == null) {
            traced = started("java_traced_producer", "traced", true);
        }
        return traced;
    }

    private static DefaultMQProducer started(String group, String instance, boolean trace) throws Exception {
        DefaultMQProducer made = new DefaultMQProducer(group, trace, null);
        made.setNamesrvAddr(namesrv);
        made.setInstanceName(instance);
        made.setVipChannelEnabled(false);
        made.setSendMsgTimeout(10_000);
        made.setPollNameServerInterval(2000); // topics change under its hands
        made.start();
        return made;
    }

    /** What the message's decision says at once; asked again by the broker, an open one is rolled back. */
    private static synchronized TransactionMQProducer transactional() throws Exception {
        if (transactional == null) {
            transactional = new TransactionMQProducer("java_transaction_producer");
            transactional.setNamesrvAddr(namesrv);
            transactional.setInstanceName("transactional");
            transactional.setVipChannelEnabled(false);
            transactional.setSendMsgTimeout(10_000);
            transactional.setTransactionListener(new TransactionListener() {
                @Override
                public LocalTransactionState executeLocalTransaction(Message message, Object decision) {
                    return "commit".equals(decision) ? LocalTransactionState.COMMIT_MESSAGE
                        : "rollback".equals(decision) ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
                }

                @Override
                public LocalTransactionState checkLocalTransaction(MessageExt message) {
                    return LocalTransactionState.ROLLBACK_MESSAGE;
                }
            });
            transactional.start();
        }
        return transactional;
    }

    private static synchronized DefaultMQAdminExt admin() throws Exception {
        if (admin == null) {
            admin = new DefaultMQAdminExt("java_admin", 60_000); // a suite is no load test: a busy disk may take longer than the five seconds it has else
            admin.setNamesrvAddr(namesrv);
            admin.setInstanceName("admin");
            admin.setVipChannelEnabled(false);
            admin.start();
        }
        return admin;
    }

    /** 5.x has a form with (addresses, topic); 4.9 only one with (addresses, topic, cluster). */
    private static void deleteInNameServer(String topic) throws Exception {
        Set<String> addresses = Collections.singleton(namesrv);
        try {
            DefaultMQAdminExt.class.getMethod("deleteTopicInNameServer", Set.class, String.class).invoke(admin(), addresses, topic);
        } catch (NoSuchMethodException before5) {
            DefaultMQAdminExt.class.getMethod("deleteTopicInNameServer", Set.class, String.class, String.class).invoke(admin(), addresses, topic, "DefaultCluster");
        }
    }

    private static Message message(String topic, Map<String, Object> input) {
        Message message = new Message(topic, (String) input.get("tag"), (String) input.get("key"), ((String) input.get("body")).getBytes(StandardCharsets.UTF_8));
        if (input.get("properties") != null) {
            ((Map<?, ?>) input.get("properties")).forEach((name, value) -> message.putUserProperty((String) name, (String) value));
        }
        int level = Puppet.number(input, "delayLevel", 0);
        if (level > 0) {
            message.setDelayTimeLevel(level);
        }
        return message;
    }

    private static void sent(Object re, Object key, SendResult result, int index, long t) {
        String ids = result.getOffsetMsgId();
        Puppet.say("event", "sent", "re", re, "key", key, "acknowledged", result.getSendStatus() == SendStatus.SEND_OK,
            "queueId", result.getMessageQueue().getQueueId(), "offset", result.getQueueOffset() + index, "msgId", ids == null ? null : ids.split(",")[index], "t", t);
    }

    @SuppressWarnings("unchecked")
    private static void send(Map<String, Object> command, Object re, String topic) throws Exception {
        List<Map<String, Object>> inputs = (List<Map<String, Object>>) (List<?>) command.get("messages");
        String mode = (String) command.get("mode");
        if ("batch".equals(mode)) {
            List<Message> batch = new ArrayList<>();
            for (Map<String, Object> input : inputs) {
                batch.add(message(topic, input));
            }
            long t = System.currentTimeMillis();
            SendResult result = producer().send(batch);
            for (int i = 0; i < inputs.size(); i++) {
                sent(re, inputs.get(i).get("key"), result, i, t);
            }
            return;
        }
        CountDownLatch open = new CountDownLatch(inputs.size());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (Map<String, Object> input : inputs) {
            Object key = input.get("key");
            Message message = message(topic, input);
            int queueId = Puppet.number(input, "queueId", -1);
            long t = System.currentTimeMillis();
            if ("transaction".equals(mode)) {
                SendResult result = transactional().sendMessageInTransaction(message, input.get("decision"));
                sent(re, key, result, 0, t);
                open.countDown();
            } else if ("oneway".equals(mode)) {
                producer().sendOneway(message);
                Puppet.say("event", "sent", "re", re, "key", key, "acknowledged", false, "t", t);
                open.countDown();
            } else if ("async".equals(mode)) {
                producer().send(message, new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        sent(re, key, result, 0, t);
                        open.countDown();
                    }

                    @Override
                    public void onException(Throwable error) {
                        failure.set(error);
                        open.countDown();
                    }
                });
            } else {
                DefaultMQProducer by = Boolean.TRUE.equals(command.get("trace")) ? traced() : producer();
                SendResult result = queueId < 0 ? by.send(message) : by.send(message, (queues, ignored, id) -> queues.get((Integer) id), queueId);
                sent(re, key, result, 0, t);
                open.countDown();
            }
        }
        if (!open.await(20, TimeUnit.SECONDS)) {
            throw new IllegalStateException(open.getCount() + " of " + inputs.size() + " callbacks did not come");
        }
        if (failure.get() != null) {
            throw new IllegalStateException(failure.get());
        }
    }

    /** Half messages; "decide" of each says what the local transaction says, "answer" what a check is told. */
    @SuppressWarnings("unchecked")
    private static void transact(Map<String, Object> command, Object re, String topic) throws Exception {
        List<Map<String, Object>> inputs = (List<Map<String, Object>>) (List<?>) command.get("messages");
        Map<String, Map<String, Object>> byKey = new ConcurrentHashMap<>();
        for (Map<String, Object> input : inputs) {
            byKey.put((String) input.get("key"), input);
        }
        String as = (String) command.get("as");
        TransactionMQProducer transactions = new TransactionMQProducer((String) command.get("group"));
        transactions.setNamesrvAddr(namesrv);
        transactions.setInstanceName(as);
        transactions.setVipChannelEnabled(false);
        transactions.setSendMsgTimeout(10_000);
        transactions.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object ignored) {
                return state(byKey.get(message.getKeys()).get("decide"));
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                Puppet.say("event", "checked", "as", as, "topic", message.getTopic(), "key", message.getKeys(), "body", new String(message.getBody(), StandardCharsets.UTF_8),
                    "queueId", message.getQueueId(), "t", System.currentTimeMillis());
                return state(byKey.get(message.getKeys()).get("answer"));
            }
        });
        transactions.start(); // stays for the checks that come
        for (Map<String, Object> input : inputs) {
            long t = System.currentTimeMillis();
            SendResult result = transactions.sendMessageInTransaction(message(topic, input), null);
            Puppet.say("event", "sent", "re", re, "key", input.get("key"), "acknowledged", result.getSendStatus() == SendStatus.SEND_OK, "t", t);
        }
    }

    private static LocalTransactionState state(Object decision) {
        return "commit".equals(decision) ? LocalTransactionState.COMMIT_MESSAGE
            : "rollback".equals(decision) ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
    }

    /** Requests; each reply is an event "replied". A consumer with "reply" answers them. */
    @SuppressWarnings("unchecked")
    private static void request(Map<String, Object> command, Object re, String topic) throws Exception {
        for (Map<String, Object> input : (List<Map<String, Object>>) (List<?>) command.get("messages")) {
            Message reply = producer().request(message(topic, input), 20_000);
            Puppet.say("event", "replied", "re", re, "key", input.get("key"), "body", new String(reply.getBody(), StandardCharsets.UTF_8));
        }
    }

    private static void subscribe(Map<String, Object> command, String as, String topic) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer((String) command.get("group"), Boolean.TRUE.equals(command.get("trace")), null);
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(as);
        consumer.setVipChannelEnabled(false);
        consumer.setHeartbeatBrokerInterval(5000);
        consumer.setConsumeMessageBatchMaxSize(1);
        choose(consumer, "setConsumeFromWhere", "CONSUME_FROM_FIRST_OFFSET");
        choose(consumer, "setMessageModel", "broadcasting".equals(command.get("model")) ? "BROADCASTING" : "CLUSTERING");
        consumer.setMaxReconsumeTimes(Puppet.number(command, "maxReconsume", -1));
        int retryDelayLevel = Puppet.number(command, "retryDelayLevel", 0);
        consumer.setPollNameServerInterval(Puppet.number(command, "pollMs", 30_000));
        if (command.get("batch") != null) {
            consumer.setConsumeMessageBatchMaxSize(Puppet.number(command, "batch", 1));
            consumer.setPullBatchSize(64);
        }
        if (command.get("filterClass") != null) {
            // only 4.x has it: the source goes to the filter servers of the route with each heartbeat
            consumer.setPollNameServerInterval(1000);
            consumer.setHeartbeatBrokerInterval(1000);
            consumer.getClass().getMethod("subscribe", String.class, String.class, String.class).invoke(consumer, topic, command.get("filterClass"), command.get("source"));
        } else if ("SQL92".equals(command.get("expressionType"))) {
            consumer.subscribe(topic, MessageSelector.bySql((String) command.get("expression")));
        } else {
            consumer.subscribe(topic, command.get("expression") == null ? "*" : (String) command.get("expression"));
        }
        if (Boolean.TRUE.equals(command.get("orderly"))) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                context.setSuspendCurrentQueueTimeMillis(200);
                return take(as, command, messages) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            });
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                context.setDelayLevelWhenNextConsume(retryDelayLevel);
                return take(as, command, messages) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER;
            });
        }
        if (Boolean.TRUE.equals(command.get("serverRebalance"))) {
            // only 5.x lets the broker share queues out, by POP where that is set for the group
            consumer.getClass().getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        }
        TOPICS.put(as, topic);
        CONSUMERS.put(as, consumer);
        consumer.start();
    }

    /** Calls a setter of an enum whose package differs between releases. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static void choose(Object target, String setter, String constant) throws Exception {
        for (var method : target.getClass().getMethods()) {
            if (method.getName().equals(setter)) {
                method.invoke(target, Enum.valueOf((Class) method.getParameterTypes()[0], constant));
                return;
            }
        }
        throw new NoSuchMethodException(setter);
    }

    private static boolean take(String as, Map<String, Object> command, List<MessageExt> messages) {
        boolean all = true;
        if (command.get("batch") != null) {
            Puppet.say("event", "batch", "as", as, "count", messages.size());
        }
        for (MessageExt message : messages) {
            boolean refuse = Puppet.refuses(as, command, message.getKeys());
            received(as, message, !refuse);
            if (message.getProperty("REPLY_TO_CLIENT") != null) {
                reply(message);
            }
            all &= !refuse;
        }
        return all;
    }

    private static void reply(MessageExt request) {
        try {
            producer().send(MessageUtil.createReplyMessage(request, ("reply to " + new String(request.getBody(), StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8)), 10_000);
        } catch (Exception error) {
            Puppet.say("event", "noreply", "key", request.getKeys(), "message", String.valueOf(error));
        }
    }

    private static void pull(Map<String, Object> command, String as, String topic) throws Exception {
        int expect = Puppet.number(command, "expect", 1);
        int got = 0;
        long end = System.currentTimeMillis() + 20_000;
        if ("lite".equals(command.get("style"))) {
            DefaultLitePullConsumer consumer = new DefaultLitePullConsumer((String) command.get("group"));
            consumer.setNamesrvAddr(namesrv);
            consumer.setInstanceName(as);
            consumer.setVipChannelEnabled(false);
            choose(consumer, "setConsumeFromWhere", "CONSUME_FROM_FIRST_OFFSET");
            consumer.subscribe(topic, "*");
            consumer.start();
            while (got < expect && System.currentTimeMillis() < end) {
                for (MessageExt message : consumer.poll(1000)) {
                    received(as, message, true);
                    got++;
                }
            }
            consumer.shutdown();
            return;
        }
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer((String) command.get("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(as);
        consumer.setVipChannelEnabled(false);
        consumer.start();
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(topic)) {
            long max = consumer.maxOffset(queue);
            for (long offset = consumer.minOffset(queue); offset < max; ) {
                PullResult result = consumer.pull(queue, "*", offset, 32);
                if (result.getMsgFoundList() != null) {
                    for (MessageExt message : result.getMsgFoundList()) {
                        received(as, message, true);
                    }
                }
                offset = result.getNextBeginOffset();
            }
            consumer.updateConsumeOffset(queue, max);
        }
        consumer.shutdown();
    }

    private static void received(String as, MessageExt message, boolean taken) {
        Puppet.say("event", "received", "as", as, "topic", message.getTopic(), "key", message.getKeys(), "body", new String(message.getBody(), StandardCharsets.UTF_8),
            "tag", message.getTags(), "queueId", message.getQueueId(), "offset", message.getQueueOffset(), "reconsume", message.getReconsumeTimes(),
            "msgId", message.getMsgId(), "taken", taken, "t", System.currentTimeMillis(), "properties", message.getProperties(), "bornHost", message.getBornHostString());
    }
}

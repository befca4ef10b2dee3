/**
 * Every deliberate difference from Apache RocketMQ 5.5.0: what it does, what we do, why, and which cases show it.
 * A difference that is not listed here is a defect. Rows are added where a difference is made.
 */

export interface Divergence {
  /** What Apache 5.5.0 does, with the method that does it. */
  readonly apache: string;
  readonly skylark: string;
  readonly reason: string;
  /** Conformance cases and tests that show it, by id or by test file. */
  readonly cases: readonly string[];
}

export const divergences = {
  'header.required-field-missing': {
    apache: 'A missing @CFNotNull field is only logged; the processor then fails on null and answers SYSTEM_ERROR with a NullPointerException and a stack frame (RemotingCommand#decodeCommandCustomHeaderDirectly).',
    skylark: 'SYSTEM_ERROR whose remark names header class, field and type. Fields whose absence Apache\'s handler tolerates are optional in the table.',
    reason: 'The code is the same; the remark says what was wrong.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.malformed-number': {
    apache: 'A malformed number is swallowed in generic headers (the field stays null), and thrown as NumberFormatException with a stack frame in FastCodesHeader ones.',
    skylark: 'The same split; the remark keeps the exception\'s first line and names the field instead of a stack frame.',
    reason: 'No stack frames of ours or of others in remarks.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.key-order': {
    apache: 'extFields in the iteration order of a HashMap, and an empty object when a reply has a header class but no values.',
    skylark: 'extFields in order of declaration, left out when empty; answers to SEND and PULL keep Apache\'s order.',
    reason: 'Order has no meaning to any reader.',
    cases: ['src/codec/reply-writer.test.ts'],
  },
  'header.malformed-utf8': {
    apache: 'fastjson2 reads some malformed UTF-8 sequences as other characters.',
    skylark: 'A JSON header that is not UTF-8 closes the connection; malformed text in a binary header reads as U+FFFD.',
    reason: 'A message whose properties silently changed is worse than a refused one.',
    cases: ['src/codec/header-scan.test.ts'],
  },
  'header.lone-surrogate': {
    apache: 'A surrogate without its partner becomes ? in a binary header (RocketMQSerializable#writeStr), as in a JSON one.',
    skylark: '? in a JSON header, U+FFFD in a binary one.',
    reason: 'Neither is the text that was meant; UTF-8 has no such character.',
    cases: ['src/codec/lone-surrogate.test.ts'],
  },
  'header.language-unknown': {
    apache: 'An unknown language name or code becomes null, and some processors then fail on it (LanguageCode#valueOf).',
    skylark: 'The name is kept as sent, an unknown code as LANGUAGE_<code>.',
    reason: 'New SDKs appear before their names do.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.binary-empty-entry': {
    apache: 'A binary extFields entry with an empty key or value is kept as a null in the map (RocketMQSerializable#readStr).',
    skylark: 'The entry is dropped.',
    reason: 'A null reads as absent everywhere.',
    cases: ['src/codec/header.test.ts'],
  },
  'frame.malformed-length': {
    apache: 'A length below 4, a header longer than its frame, an unknown serialization or a frame above frameMaxLength closes the connection (NettyDecoder#decode, RemotingCommand#decode).',
    skylark: 'The same, at the first byte that shows it rather than after the whole frame arrived.',
    reason: 'Nothing is buffered for a frame that cannot be read.',
    cases: ['src/codec/frame.test.ts'],
  },
  'broker.client-names': {
    apache: 'Heartbeats and lock requests may name anything: consumer groups with illegal names are passed over in silence, clientIds, producer groups and locked queues are taken as they are (ClientManageProcessor#heartBeat, AdminBrokerProcessor#lockBatchMQ).',
    skylark: 'What is legal is taken; the first name that is blank, over 255 characters or not printable ASCII without / and \\ is answered INVALID_PARAMETER. Consumer groups follow TopicValidator#validateGroup.',
    reason: 'A consumer that silently gets nothing is worse than one that is told why.',
    cases: ['src/server/names.test.ts'],
  },
  'broker.table-limits': {
    apache: 'Topics, groups, clients, subscriptions and queue locks grow without bound.',
    skylark: 'Bounds far above real use (src/server/broker/limits.ts); beyond them INVALID_PARAMETER names the bound, and what is there stays.',
    reason: 'One client must not fill the memory of all.',
    cases: ['src/server/names.test.ts', 'src/server/broker/tables.test.ts'],
  },
  'broker.tables-not-saved': {
    apache: 'A topic or group that cannot be written to its file is acknowledged and only logged (ConfigManager#persist).',
    skylark: 'SYSTEM_ERROR names the file and the fault; the change lasts until the broker stops, and saving is tried again.',
    reason: 'Nothing acknowledged is lost.',
    cases: ['src/server/disk-full.test.ts'],
  },
  'json.depth-and-size': {
    apache: 'fastjson2 reads nesting up to 2048 levels and bodies of any size a frame can have.',
    skylark: 'At most 64 levels; a deeper body is refused.',
    reason: 'No body of the protocol nests deeper than 8.',
    cases: ['src/compat/fastjson.test.ts'],
  },
  'json.missing-commas': {
    apache: 'fastjson2 reads array elements without a comma between them, and with two ([1 2], [1,,2]), and members of a map without one, but refuses [1,,,2] and {"a":1 "b":2} (JSONReader#readArray).',
    skylark: 'Exactly one comma stands between two; one more may stand before the closing bracket or brace. Anything else is refused.',
    reason: 'Damaged text should not be guessed at, and no client writes it.',
    cases: ['src/compat/fastjson.test.ts'],
  },
  'json.member-types': {
    apache: 'A body member of the wrong type raises a JSONException whose text becomes the remark; a missing one is null until something fails on it.',
    skylark: 'SYSTEM_ERROR whose remark names the body, the member, what it must be and what it is.',
    reason: 'The code is the same; the remark says what was wrong.',
    cases: ['src/codec/bodies.test.ts', 'src/server/namesrv/registration-body.test.ts'],
  },
  'registration.inflate-limit': {
    apache: 'A compressed registration inflates without bound, and its length words are allocated before they are read (RegisterBrokerBody#decode).',
    skylark: 'At most 64 MiB, and lengths are checked against what is left.',
    reason: 'One request must not exhaust memory.',
    cases: ['src/codec/bodies.test.ts'],
  },
  'properties.malformed-unicode-escape': {
    apache: 'A malformed \\u escape gives the whole text up: the configuration update is refused (Properties#load, MixAll#string2Properties).',
    skylark: 'The escape stays as written.',
    reason: 'Values are checked key by key afterwards, with errors that name the key.',
    cases: ['src/compat/properties-file.test.ts'],
  },
  'namesrv.names': {
    apache: 'The name server takes any text as cluster, broker, topic, zone or KV name and as address.',
    skylark: 'Printable ASCII without blanks, quotes, / and \\, at most 300 characters; else INVALID_PARAMETER. One bad topic refuses the whole registration.',
    reason: 'Names reach files, logs and other clients.',
    cases: ['src/server/namesrv/name-server.test.ts'],
  },
  'namesrv.limits': {
    apache: 'No bound on brokers, topics and KV entries.',
    skylark: '10,000 brokers, 500,000 topics, 100,000 KV entries; beyond them a registration or entry is refused and what is there stays.',
    reason: 'One peer must not exhaust memory.',
    cases: ['src/server/namesrv/name-server.test.ts', 'src/server/namesrv/route-table.test.ts'],
  },
  'namesrv.config-update': {
    apache: 'UPDATE_NAMESRV_CONFIG ignores unknown keys and values it cannot read, and answers SUCCESS.',
    skylark: 'Unknown or fixed keys and bad values are INVALID_PARAMETER, and nothing of the request is applied.',
    reason: 'A change that did not happen must not look as if it did.',
    cases: ['src/server/namesrv/name-server.test.ts'],
  },
  'namesrv.refused-registration': {
    apache: 'A refused or ignored registration leaves an empty entry for its broker name.',
    skylark: 'It leaves nothing.',
    reason: 'Routes would name a broker that is not there.',
    cases: ['src/server/namesrv/route-table.test.ts'],
  },
  'namesrv.closed-connection': {
    apache: 'A closing connection unregisters the first broker that registered over it (RouteInfoManager#onChannelDestroy).',
    skylark: 'It unregisters all of them; unregistrations are carried out in batches, but every reader sees their effect.',
    reason: 'A process with several brokers is gone as a whole.',
    cases: ['src/server/namesrv/name-server.test.ts'],
  },
  'namesrv.zone-route-keys': {
    apache: 'A route filtered by zone is written again with bare numeric keys, whatever the client (ZoneRouteRPCHook).',
    skylark: 'It keeps the dialect of the client: quoted keys from V4_9_4 on.',
    reason: 'Clients that ask for standard JSON cannot read bare keys.',
    cases: ['src/server/namesrv/name-server.test.ts'],
  },
  'namesrv.kv-write-fails': {
    apache: 'A KV change whose file cannot be written is logged and answered SUCCESS (KVConfigManager#persist).',
    skylark: 'The change is undone and answered SYSTEM_ERROR.',
    reason: 'What is acknowledged must survive a restart.',
    cases: ['src/server/namesrv/name-server.test.ts'],
  },
  'remoting.exception-remark': {
    apache: 'An unexpected exception becomes SYSTEM_ERROR with the exception and its first stack frame.',
    skylark: 'SYSTEM_ERROR with name and message, without a stack frame.',
    reason: 'No stack frames in remarks.',
    cases: ['src/remoting/server.test.ts'],
  },
  'broker.bind-address': {
    apache: 'Every interface unless bindAddress says otherwise; brokerIP1 is an address of the machine.',
    skylark: 'Loopback unless told otherwise; without brokerIP1 a client is told the address by which it reached the name server of the same process.',
    reason: 'A broker on a developer machine must not be open to the network, and one in a container must be reachable.',
    cases: ['src/server/node.test.ts'],
  },
  'pull.hold-limit': {
    apache: 'Any number of pulls may wait for messages (PullRequestHoldService#suspendPullRequest).',
    skylark: '200,000 at once, with 64 Mi characters of filter texts (src/server/broker/limits.ts); a further one is answered at once, as if its time were over, and counted.',
    reason: 'One client must not fill the memory of all.',
    cases: ['src/server/broker/hold.test.ts'],
  },
  'pull.hold-expiry': {
    apache: 'Held pulls are looked at every 5 s (PullRequestHoldService#run), so an empty answer may come up to 5 s after its time.',
    skylark: 'Looked at every 250 ms while any is held.',
    reason: 'An answer in time costs nothing here.',
    cases: ['src/server/broker/pull.test.ts'],
  },
  'send.service-not-available-remark': {
    apache: 'SERVICE_NOT_AVAILABLE with a list of guesses and disk figures (AbstractSendMessageProcessor, SendMessageProcessor#handlePutMessageResult).',
    skylark: 'The same first words, then the fault itself.',
    reason: 'The store knows which one it is.',
    cases: ['src/server/broker/send.test.ts'],
  },
  'send.born-timestamp-range': {
    apache: 'Any int64 is stored as bornTimestamp.',
    skylark: 'Beyond 2^53-1 milliseconds either way: INVALID_PARAMETER.',
    reason: 'No such time exists; a rounded one would be stored otherwise.',
    cases: ['src/server/broker/send.test.ts'],
  },
  'store.property-order': {
    apache: 'Properties are read into a HashMap and written again: their order changes and duplicates collapse (MessageDecoder#messageProperties2String).',
    skylark: 'The client\'s bytes are kept, the broker\'s properties follow. They read as the same map.',
    reason: 'Copying is cheaper than parsing, and order has no meaning.',
    cases: ['src/server/broker/send.test.ts'],
  },
  'store.record-checks': {
    apache: 'A record with a negative body or properties length reads as one without (CommitLog#checkMessageAndReturnSize).',
    skylark: 'It is a damaged record: recovery ends before it.',
    reason: 'No encoder writes such lengths.',
    cases: ['src/codec/message-record.test.ts'],
  },
  'heartbeat.unknown-group-without-subscription': {
    apache: 'A V2 heartbeat that leaves its subscriptions out, for a group the broker does not know, leaves the group without subscriptions until the next full one.',
    skylark: 'IS_SUB_CHANGE=true, so that the client sends them at once.',
    reason: 'A restarted broker should not starve its consumers.',
    cases: ['src/server/broker/clients.test.ts'],
  },
  'offsets.commit-range': {
    apache: 'Any queueId and any int64 offset is committed (ConsumerManageProcessor#updateConsumerOffset).',
    skylark: 'queueId within 0..65535 and offset up to 2^53-1; else INVALID_PARAMETER.',
    reason: 'Such entries would only grow the table.',
    cases: ['src/server/broker/clients.test.ts'],
  },
  'topics.config-range': {
    apache: 'Any queue number and perm is accepted for a topic or group.',
    skylark: 'Queue numbers up to 65536, perm 0..15, retryQueueNums up to 1024; else INVALID_PARAMETER.',
    reason: 'One request must not make millions of queues.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'topics.list-goes-on': {
    apache: 'UPDATE_AND_CREATE_TOPIC_LIST ends at the first topic that is unchanged.',
    skylark: 'It goes on past unchanged ones.',
    reason: 'The rest of the list was asked for too.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'offsets.query-correction': {
    apache: 'QUERY_CORRECTION_OFFSET deletes the filtered groups\' offsets (ConsumerOffsetManager#queryMinOffsetInAllGroup).',
    skylark: 'It only answers.',
    reason: 'A query must not change anything.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'config.update-broker': {
    apache: 'UPDATE_BROKER_CONFIG changes any key that is not black-listed and writes the file.',
    skylark: 'A fixed list of keys that take effect at run time, all or nothing, not written to disk; anything else is refused.',
    reason: 'Run-time configuration was the way in of CVE-2023-33246 and CVE-2023-37582.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'registration.retry': {
    apache: 'A failed registration is tried again at the next period (30 s).',
    skylark: 'After 0.5 s, doubling up to the period.',
    reason: 'A name server that starts a moment later should not cost half a minute.',
    cases: ['src/server/broker/registration.test.ts'],
  },
  'config.backup-file': {
    apache: 'The .bak file holds the version before the last write (ConfigManager#persist).',
    skylark: 'It holds the last version known to be on the platter.',
    reason: 'After a power loss there is always one whole file.',
    cases: ['src/server/broker/config-file.test.ts'],
  },
  'send.batch-unreadable': {
    apache: 'A batch body that ends inside an element, has bytes behind the last one or is above the limit raises a Java exception: SYSTEM_ERROR (MessageExtEncoder#encode).',
    skylark: 'MESSAGE_ILLEGAL with the limits.',
    reason: 'The message is at fault, not the broker; a client must not try it elsewhere.',
    cases: ['conformance/differential/sequences/messages.ts'],
  },
  'send.host-bits': {
    apache: 'The IPv6 bits of a client\'s sysFlag are kept although its address is IPv4: the record cannot be read back and is skipped when queues are built.',
    skylark: 'These bits follow the address.',
    reason: 'What is acknowledged must be consumable.',
    cases: ['src/server/broker/send.test.ts'],
  },
  'admin.names': {
    apache: 'Blank, missing or illegal group, topic, client and KV names are taken by requests that only change tables: offsets cloned to null, a topic of any name deleted, groups of heartbeats passed over silently.',
    skylark: 'INVALID_PARAMETER with the rule, or SYSTEM_ERROR that names the missing field.',
    reason: 'A request that did nothing must not look as if it did, and no illegal name may reach a file.',
    cases: ['conformance/differential/sequences/generated.ts', 'conformance/differential/sequences/administration.ts'],
  },
  'offsets.clone-all-topics': {
    apache: 'CLONE_GROUP_OFFSET without topic walks the group\'s topics but clones the topic of the request, which is null: nothing happens (AdminBrokerProcessor#cloneGroupOffset).',
    skylark: 'All topics of the group are cloned.',
    reason: 'It is what was asked for.',
    cases: ['conformance/differential/sequences/administration.ts'],
  },
  'store.queues-made-by-questions': {
    apache: 'Asking for offsets of a queue or topic that is not there creates its ConsumeQueue files (ConsumeQueueStore#findOrCreateConsumeQueue).',
    skylark: 'Questions create nothing; QUERY_CONSUME_QUEUE keeps answering that the queue does not exist.',
    reason: 'Anybody could fill the disk with empty queues.',
    cases: ['conformance/differential/sequences/administration.ts'],
  },
  'runtime.unmeasured': {
    apache: 'Runtime info has the distribution, maxima and percentiles of put times, the longest get and the rate of gets that found nothing (StoreStatsService#getRuntimeInfo).',
    skylark: 'putMessageEntireTimeMax, getMessageEntireTimeMax, putMessageDistributeTime, putLatency99, putLatency999 and getMissTps are what Apache shows before anything happened, always.',
    reason: 'Tools look for the keys; two readings of the clock for each message are not worth what they would show.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'groups.deleted-comes-back': {
    apache: 'DELETE_SUBSCRIPTIONGROUP without cleanOffset looks the group up again afterwards, which creates it anew with defaults (AdminBrokerProcessor#deleteSubscriptionGroup, LiteMetadataUtil#isLiteGroupType).',
    skylark: 'A deleted group is gone until somebody uses it.',
    reason: 'It is what was asked for.',
    cases: ['src/server/broker/admin.test.ts'],
  },
  'offsets.safe-integers': {
    apache: 'A group may commit any offset up to 2^63-1.',
    skylark: 'Up to 2^53-1; beyond it INVALID_PARAMETER with the range, and the offset there was stays.',
    reason: 'No log has as many messages; a number holds the rest exactly.',
    cases: ['conformance/kit/cases/offsets/consumer.ts'],
  },
  'wire.proxy-header-size': {
    apache: 'A PROXY header of version 2 may have 64 KiB, and a second one behind the first is read as frames (HAProxyMessageDecoder).',
    skylark: '4 KiB, counted in frames\' time to arrive; a longer one closes the connection.',
    reason: 'It is held for each connection before anything is known of its peer.',
    cases: ['src/remoting/opening.test.ts'],
  },
  'header.digits': {
    apache: 'Numbers in headers may have digits of any script and a fraction of zero (Character#digit, fastjson).',
    skylark: 'ASCII digits; a fraction closes the connection, other digits are SYSTEM_ERROR.',
    reason: 'No client writes them.',
    cases: ['conformance/kit/cases/header/values.ts'],
  },
  'consumers.forgotten-topics': {
    apache: 'A topic that a group no longer subscribes stays among the topics it is said to consume (ConsumerManager#topicGroupTable).',
    skylark: 'Only what is subscribed now, or has committed offsets.',
    reason: 'Operators decide by it whether a topic can go.',
    cases: ['src/server/broker/clients.test.ts'],
  },
  'filter.error-text': {
    apache: 'An expression that does not compile is refused with the name of a Java class and JavaCC\'s list of words that could follow (SelectorParser#parse, ParseException#initialise).',
    skylark: 'The same code; the remark says line, column and what was expected or is wrong there.',
    reason: 'People read it.',
    cases: ['src/server/filter/apache-answers.test.ts', 'conformance/differential/filter.interop.test.ts'],
  },
  'filter.expression-limits': {
    apache: 'Expressions are as long as a frame and nest as deep as the stack of the thread allows; chains of ORs that are longer than the stack compile and match nothing.',
    skylark: '64 Ki characters, 256 levels of parentheses and signs, 256 comparisons of comparisons; beyond them SUBSCRIPTION_PARSE_FAILED with the place. Chains of AND and OR have no limit of their own.',
    reason: 'One expression must not hold up everybody.',
    cases: ['src/server/filter/sql-property.test.ts'],
  },
  'filter.malformed-in-pull': {
    apache: 'A pull that brings an expression which does not compile, or of an unknown type, is filtered by nothing: the consumer gets every message (PullMessageProcessor#processRequest; the assertion that forbids it is off). Pops refuse it.',
    skylark: 'SUBSCRIPTION_PARSE_FAILED, as for pops.',
    reason: 'A consumer must not get what it did not ask for.',
    cases: ['src/server/broker/filtered-pull.test.ts'],
  },
  'filter.data-limits': {
    apache: 'The expressions of groups, dead ones too, grow without bound (ConsumerFilterManager).',
    skylark: '20,000 with 32 Mi characters; beyond them the longest dead go first, then new ones are not taken and their pulls get FILTER_DATA_NOT_EXIST.',
    reason: 'One client must not fill the memory of all.',
    cases: ['src/server/filter/filter-data.test.ts'],
  },
  'filter.bits-after-recovery': {
    apache: 'Entries that recovery makes again get filter bits by the expressions known then (CommitLogDispatcherCalcBitMap).',
    skylark: 'They get units without bits: such messages are judged by their properties.',
    reason: 'The result is the same, and a store opens without the broker.',
    cases: ['src/server/broker/filtered-pull.test.ts'],
  },
  'filter.default-of-start': {
    apache: 'enablePropertyFilter is off unless broker.conf says otherwise.',
    skylark: 'The same with a configuration file and for `skylark broker`; `skylark start` without one serves SQL92.',
    reason: 'Who starts a broker for his programs should not find a feature missing.',
    cases: ['src/server/cli.test.ts'],
  },
  'grpc.tls': {
    apache: 'The gRPC port takes TLS (with a certificate of its own for tests) beside clear text, and a PROXY header (ProxyAndTlsProtocolNegotiator).',
    skylark: 'Clear text only.',
    reason: 'Not built yet.',
    cases: ['grpc.transport.tls-on-same-port'],
  },
  'grpc.receive-without-settings': {
    apache: 'ReceiveMessage of a client that has not sent its settings fails over the null: INTERNAL_SERVER_ERROR with a NullPointerException (ReceiveMessageActivity#receiveMessage).',
    skylark: 'It is served with the settings of its group.',
    reason: 'The Python SDK may receive before its settings have come.',
    cases: ['grpc.receive.without-settings'],
  },
  'grpc.node-first-settings': {
    apache: 'Settings are answered as soon as they come.',
    skylark: 'The first settings of a Node client with several topics are answered 150 ms late.',
    reason: 'That SDK fetches the routes of all its topics after it has sent its settings and listens only then: it would hang on an answer that is fast.',
    cases: ['conformance/interop/grpc-node.interop.test.ts'],
  },
  'grpc.fresh-topics': {
    apache: 'The proxy caches topics and groups: one that was asked for before it existed stays unknown for up to 20 s (ProxyConfig#topicConfigCacheRefreshSeconds).',
    skylark: 'Topics and groups are the broker\'s own: known at once.',
    reason: 'There is nothing to cache in one process.',
    cases: ['grpc.route.unknown-topic'],
  },
  'grpc.half-messages-kept': {
    apache: 'Where a half message lies is forgotten after 30 s, and EndTransaction then fails until the broker has asked (ProxyConfig#transactionDataExpireMillis).',
    skylark: 'Kept for the 100,000 youngest half messages.',
    reason: 'A slow local transaction commits without waiting for a check.',
    cases: ['grpc.transaction.commit'],
  },
  'grpc.broken-streams': {
    apache: 'A message that is cut short, compressed without saying so or over the limit resets the stream; one that is no protobuf ends the call with UNKNOWN and no text.',
    skylark: 'Each ends the call with a status: INTERNAL or RESOURCE_EXHAUSTED, and a text.',
    reason: 'The caller learns what was wrong.',
    cases: ['src/remoting/grpc.test.ts'],
  },
  'pop.ack-not-stored': {
    apache: 'An acknowledgement that the log did not take is answered SUCCESS (AckMessageProcessor#handlePutMessageResult only logs).',
    skylark: 'SYSTEM_ERROR that says so.',
    reason: 'The message will come again: its consumer should know.',
    cases: ['src/server/pop/pop.test.ts'],
  },
  'pop.same-millisecond': {
    apache: 'CHANGE_MESSAGE_INVISIBLETIME in the millisecond of the pop makes a check point with the key of the old one, which the acknowledgement of the old one then ends: the message never comes again (ChangeInvisibleTimeProcessor#appendCheckPointThenAckOrigin).',
    skylark: 'The new pop time is at least one millisecond later than the receipt\'s.',
    reason: 'A message would be lost to its group.',
    cases: ['src/server/pop/pop.test.ts'],
  },
  'pop.offsets-after-kill': {
    apache: 'After a kill groups begin again where consumerOffset.json stood at its last save, and are given what they popped since once more, acknowledged or not.',
    skylark: 'Check points that were stored since move the offsets on, and what was revived is noted on the revive topic as acknowledged: neither is given twice.',
    reason: 'The log knows it.',
    cases: ['src/server/pop/pop.test.ts', 'conformance/interop/crash-pop.interop.test.ts'],
  },
  'pop.revive-at-its-time': {
    apache: 'The revive topic is read in rounds, which pause for up to several seconds (PopReviveService#run, reviveMaxSlow), and a message that comes back does not wake a pop that waits.',
    skylark: 'It is read each reviveInterval; a check point is acted on 2 s after its time, Apache\'s least, and a pop of the group that waits for any queue is woken.',
    reason: 'Sooner, but never before the invisible time is over.',
    cases: ['src/server/pop/pop.test.ts'],
  },
  'pop.no-such-revive-queue': {
    apache: 'A receipt that names a revive queue past the last has its acknowledgement stored in a queue that nobody reads.',
    skylark: 'SUCCESS for an acknowledgement, without storing it; SYSTEM_ERROR for CHANGE_MESSAGE_INVISIBLETIME, whose message would never come again.',
    reason: 'A forged receipt must not make queues.',
    cases: ['src/server/pop/pop.test.ts'],
  },
  'pop.delay-level-again': {
    apache: 'A message that was sent with a delay level and is revived waits for that level once more: the property is still there when it is put (PopReviveService#reviveRetry).',
    skylark: 'It is given again when its invisible time is over.',
    reason: 'The delay was asked for once.',
    cases: ['src/server/pop/pop.test.ts'],
  },
} as const satisfies Readonly<Record<string, Divergence>>;

export type DivergenceId = keyof typeof divergences;

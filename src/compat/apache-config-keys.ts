/**
 * Configuration keys that Apache RocketMQ 5.5.0 knows (`BrokerConfig`, `MessageStoreConfig`, `NamesrvConfig`, `NettyServerConfig`,
 * `NettyClientConfig`, `AuthConfig`) and that have no effect here: a file written for Apache's broker starts, with one warning that names them.
 * Read by reflection from the published 5.5.0 jars. Keys that do have an effect are in src/server/config.ts.
 */
export const apacheKeysWithoutEffect: ReadonlySet<string> = new Set(
  (
    'accessMessageInMemoryHotRatio accountStatsEnable accountStatsPrintZeroValues ackMessageThreadPoolNums ackThreadPoolQueueCapacity ' +
    'aclCacheExpiredSecond aclCacheMaxNum aclCacheRefreshSecond aclEnable adminBrokerThreadPoolNums allAckInSyncStateSet ' +
    'appendAckAsync appendCkAsync asyncLearner asyncSendEnable ' +
    'authConfigPath authenticationEnabled authenticationMetadataProvider authenticationProvider authenticationStrategy ' +
    'authenticationWhitelist authorizationEnabled authorizationMetadataProvider authorizationProvider authorizationStrategy ' +
    'authorizationWhitelist autoDeleteUnusedStats batchDispatchRequestThreadPoolNums bitMapLengthConsumeQueueExt ' +
    'bottomMostCompressionTypeForConsumeQueueStore brokerConfigPath ' +
    'brokerElectionPriority brokerHeartbeatInterval brokerIP2 brokerNotActiveTimeoutMillis channelNotActiveInterval ' +
    'checkCommitLogOffsetOnRecover checkSyncStateSetPeriod cleanOfflineBrokerInterval cleanRocksDBDirtyCQIntervalMin ' +
    'cleanSwapedMapInterval clearRetryTopicWhenDeleteTopic clientAsyncSemaphoreValue clientCallbackExecutorThreads ' +
    'clientChannelMaxIdleTimeSeconds clientCloseSocketIfTimeout clientManageThreadPoolNums clientOnewaySemaphoreValue ' +
    'clientPooledByteBufAllocatorEnable clientRequestThreadPoolNums clientRequestThreadPoolQueueCapacity clientSocketRcvBufSize ' +
    'clientSocketSndBufSize clientWorkerThreads clusterName coldCtrStrategyEnable coldDataScanEnable ' +
    'combineAssignOffsetCQType combineCQEnableCheckSelf combineCQLoadingCQTypes combineCQMaxExtraSearchCommitLogFiles ' +
    'combineCQPreferCQType combineCQUseRocksdbForLmq commercialBaseCount commercialSizePerMsg commitCommitLogLeastPages ' +
    'commitCommitLogThoroughInterval commitIntervalCommitLog commitLogForceSwapMapInterval commitLogSwapMapInterval ' +
    'commitLogSwapMapReserveFileNum compactionCqMappedFileSize compactionMappedFileSize compactionScheduleInternal compactionThreadNum ' +
    'compatibleWithOldNameSrv compressedRegister configManagerVersion configName connectTimeoutMillis ' +
    'consumerManageThreadPoolNums controllerAddr controllerHeartBeatTimeoutMills correctLogicMinOffsetForceInterval ' +
    'correctLogicMinOffsetSleepInterval dLegerGroup dLegerPeers dLegerSelfId dataReadAheadEnable debugLockEnable ' +
    'defaultThreadPoolNums defaultThreadPoolQueueCapacity delayOffsetUpdateVersionStep ' +
    'deleteConsumeQueueFilesInterval deleteFileBatchMax destroyMapedFileIntervalForcibly disableCallbackExecutor ' +
    'disableNettyWorkerGroup disappearTimeAfterStart diskFallRecorded dispatchCqCacheNum ' +
    'dispatchCqThreads dispatchFromSenderThread duplicationEnable enableAcceleratedRecovery enableAsyncReput enableAutoInSyncReplicas ' +
    'enableBatchPush enableBuildConsumeQueueConcurrently enableCleanExpiredOffset ' +
    'enableCompaction enableConnectionMetrics enableControllerMode enableCreateSysGroup enableDLegerCommitLog ' +
    'enableDetailStat enableFastChannelEventProcess enableLagAndDlqMetrics enableLitePopLog ' +
    'enableLmqStats enableLogConsumeQueueRepeatedlyBuildWhenRecover enableMessageStoreMetrics enableNetWorkFlowControl ' +
    'enableNotifyAfterPopOrderLockRelease enableNotifyBeforePopCalculateLag enablePopBatchAck enablePopBufferMerge enablePopLog ' +
    'enablePopMessageThreshold enablePopMetrics enableReconnectForGoAway enableRegisterProducer enableRemoteEscape enableRemotingMetrics ' +
    'enableRequestMetrics enableRocksDBLog enableRunningFlagsInFlush enableScheduleAsyncDeliver ' +
    'enableSkipLongAwaitingAck enableSlaveActingMaster enableSplitRegistration enableStatsMetrics enableTransactionMetrics ' +
    'enabledAppendPropCRC endTransactionPoolQueueCapacity endTransactionThreadPoolNums estimateAccumulation ' +
    'fastFailIfNoBufferInStorePool fetchControllerAddrByDnsLookup fetchNameSrvAddrByDnsLookup fetchNamesrvAddrByAddressServer ' +
    'fetchNamesrvAddrInterval flushCommitLogLeastPages flushCommitLogThoroughInterval ' +
    'flushCommitLogTimed flushConsumeQueueLeastPages flushConsumeQueueThoroughInterval flushConsumerOffsetHistoryInterval ' +
    'flushDelayOffsetInterval flushLeastPagesWhenWarmMapedFile forceVerifyPropCRC forwardTimeout ' +
    'haFlowControlEnable haHousekeepingInterval haListenPort haMasterAddress haMaxGapNotInSync haMaxTimeSlaveNotCatchup ' +
    'haSendHeartbeatInterval haTransferBatchSize heartbeatThreadPoolNums highSpeedMode inSyncReplicas indexFileReadEnable ' +
    'indexFileWriteEnable indexRocksDBEnable initAuthenticationUser innerClientAuthenticationCredentials ' +
    'isBrokerContainer isInBrokerContainer isScanAvailableNameSrv isolateLogEnable iteratorWhenUseRocksdbConsumeQueue ' +
    'liteLagCountMetricsEnable ' +
    'liteLagLatencyCollectEnable liteLagLatencyMetricsEnable liteLagLatencyTopK litePullMessageThreadPoolNums ' +
    'loadBalancePollNameServerInterval ' +
    'loadBalanceProcessorThreadPoolNums loadBalanceThreadPoolQueueCapacity lockInStrictMode logicQueueForceSwapMapInterval ' +
    'logicQueueSwapMapInterval logicQueueSwapMapReserveFileNum logicalDiskSpaceCleanForciblyThreshold ' +
    'mappedFileSwapEnable maxAsyncPutMessageRequests maxBatchDeleteFilesNum ' +
    'maxChecksumRange maxConsumeQueueScan maxHaTransferByteInSecond ' +
    'maxMessageFilterNumForNotification maxOffsetMapSize ' +
    'maxReconnectIntervalTimeSeconds maxRecoveryCommitlogFiles maxRocksDBIndexQueryDays maxSlaveResendLength maxStatsIdleTimeInMinutes ' +
    'maxTopicLength memTableFlushIntervalMs messageStorePlugIn metricGrpcExporterIntervalInMills metricGrpcExporterTimeOutInMills ' +
    'metricLoggingExporterIntervalInMills metricsExportBatchMaxDataPoints metricsExporterType metricsGrpcExporterHeader ' +
    'metricsGrpcExporterTarget metricsInDelta metricsLabel metricsOtelCardinalityLimit metricsPromExporterHost metricsPromExporterPort ' +
    'migrateAuthFromV1Enabled minInSyncReplicas offsetCheckInSlave osPageCacheBusyTimeOutMills ' +
    'persistConsumerOffsetIncrementally popCkMaxBufferSize popCkOffsetMaxQueueSize popCkStayBufferTime popCkStayBufferTimeOut ' +
    'popConsumerFSServiceInit popConsumerKVServiceEnable popConsumerKVServiceInit popConsumerKVServiceLog ' +
    'popInflightMessageThreshold popLongPollingForceNotifyInterval popPollingMapExpireTimeSeconds ' +
    'popReviveConcurrency popReviveMaxAttemptTimes ' +
    'popReviveMaxReturnSizePerRead popReviveSkipIfGroupAbsent preferredLeaderId printChannelGroups printChannelGroupsMinNum ' +
    'processReplyMessageThreadPoolNums productEnvName pullBatchMaxMessageCount pullMessageThreadPoolNums ' +
    'putConsumeQueueDataByFileChannel putMessageFutureThreadPoolNums putMessageTimeout putMsgIndexHightWater putThreadPoolQueueCapacity ' +
    'queryMessageThreadPoolNums readOnlyCommitLogStorePaths readUnCommitted realTimePersistRocksDBConfig ' +
    'recheckReputOffsetFromCq recoverConcurrently recoverThreadPoolNums redeleteHangedFileInterval registerBrokerTimeoutMills ' +
    'rejectPullConsumerEnable replicasPerDiskPartition replyThreadPoolQueueCapacity reviveAckWaitMs ' +
    'reviveMaxSlow reviveScanTime rocketmqHome rocksdbCQDoubleWriteEnable rocksdbCompressionType ' +
    'rocksdbFlushWalFrequency rocksdbWalFileRollingThreshold sampleCountThreshold sampleSteps scheduleAsyncDeliverMaxPendingLimit ' +
    'scheduleAsyncDeliverMaxResendNum2Blocked searchBcqByCacheEnable sendHeartbeatTimeoutMillis sendMessageThreadPoolNums ' +
    'serverAsyncSemaphoreValue serverCallbackExecutorThreads serverNettyWorkerGroupEnable ' +
    'serverOnewaySemaphoreValue serverPooledByteBufAllocatorEnable serverSelectorThreads serverSocketBacklog serverSocketRcvBufSize ' +
    'serverSocketSndBufSize serverWorkerThreads sharedByteBufferNum shutdownWaitTimeSeconds skipPreOnline skipWhenCKRePutReachMaxTimes ' +
    'slaveTimeout socksProxyConfig spinLockCollisionRetreatOptimalDegree splitRegistrationSize statRocksDBCQIntervalSec ' +
    'statefulAuthenticationCacheExpiredSecond statefulAuthenticationCacheMaxNum statefulAuthorizationCacheExpiredSecond ' +
    'statefulAuthorizationCacheMaxNum storePathBrokerIdentity storePathDLedgerCommitLog storePathEpochFile ' +
    'syncBrokerMemberGroupPeriod syncBrokerMetadataPeriod syncControllerMetadataPeriod syncFromLastFile syncMasterFlushOffsetWhenStartup ' +
    'timerCheckMetricsWhen timerColdDataCheckIntervalMs timerEnableCheckMetrics timerEnableDisruptor ' +
    'timerEnableRetryUntilSuccess timerGetMessageThreadNum timerInterceptDelayLevel ' +
    'timerMetricSmallThreshold timerProgressLogIntervalMs timerPutMessageThreadNum timerRecallToTimeWheelEnable ' +
    'timerRecallToTimelineEnable timerReputServiceCorePoolSize timerReputServiceMaxPoolSize timerReputServiceQueueCapacity ' +
    'timerRocksDBEnable timerRocksDBPrecisionMs timerRocksDBRollIntervalHours timerRocksDBRollMaxTps timerRocksDBRollRangeHours ' +
    'timerRocksDBStopScan timerRocksDBTimeExpiredMaxTps timerSkipUnknownError ' +
    'timerWarmEnable timerWheelSnapshotFlush timerWheelSnapshotIntervalMs topicQueueLockNum totalReplicas ' +
    'transRocksDBEnable transWriteOriginTransHalfEnable transactionCheckRocksdbCoreThreads ' +
    'transactionCheckRocksdbMaxThreads transactionCheckRocksdbQueueCapacity ' +
    'transferMsgByHeap transientStorePoolEnable transientStorePoolSize ' +
    'travelCqFileNumWhenGetMessage unRegisterBrokerQueueCapacity updateNameServerAddrPeriod useABSLock useEpollNativeSelector ' +
    'useMessageFilterForNotification usePIDColdCtrStrategy useReentrantLockWhenPutMessage useSeparateRetryQueue ' +
    'useSeparateStorePathForRocksdbCQ useSingleRocksDBForAllConfigs useStaticSubscription useTLS userCacheExpiredSecond userCacheMaxNum ' +
    'userCacheRefreshSecond wakeCommitWhenPutMessage wakeFlushWhenPutMessage warmMapedFileEnable writeBufferHighWaterMark ' +
    'writeBufferLowWaterMark writeWithoutMmap'
  ).split(' '),
);

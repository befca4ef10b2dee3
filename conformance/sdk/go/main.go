// The Go SDK under the suites' command: reads one JSON command a line from stdin, drives rocketmq-client-go, prints one JSON
// event a line. Commands and events: conformance/sdk/README.md. Run: main NAMESRV.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type message struct {
	Key        string            `json:"key"`
	Body       string            `json:"body"`
	Tag        string            `json:"tag"`
	Properties map[string]string `json:"properties"`
	QueueID    *int              `json:"queueId"`
	DelayLevel int               `json:"delayLevel"`
	Decision   string            `json:"decision"`
	Decide     string            `json:"decide"`
	Answer     string            `json:"answer"`
}

type command struct {
	Re             int       `json:"re"`
	Do             string    `json:"do"`
	As             string    `json:"as"`
	Topic          string    `json:"topic"`
	Broker         string    `json:"broker"`
	Group          string    `json:"group"`
	Mode           string    `json:"mode"`
	Expression     string    `json:"expression"`
	ExpressionType string    `json:"expressionType"`
	Model          string    `json:"model"`
	Style          string    `json:"style"`
	Fail           string    `json:"fail"`
	FailEvery      int       `json:"failEvery"`
	FailBefore     int       `json:"failBefore"`
	RetryLevel     int       `json:"retryDelayLevel"`
	Orderly        bool      `json:"orderly"`
	Trace          bool      `json:"trace"`
	MaxReconsume   int32     `json:"maxReconsume"`
	Batch          int       `json:"batch"`
	Queues         int       `json:"queues"`
	Expect         int       `json:"expect"`
	Messages       []message `json:"messages"`
}

type event map[string]interface{}

var (
	namesrv          primitive.NamesrvAddr
	outLock          sync.Mutex
	lock             sync.Mutex
	theProducer      rocketmq.Producer
	theTransactional rocketmq.TransactionProducer
	theTraced        rocketmq.Producer
	consumers        = map[string]rocketmq.PushConsumer{}
	assigned         = map[string][]int{}
	refused          = map[string]bool{}
)

func say(e event) {
	line, _ := json.Marshal(e)
	outLock.Lock()
	defer outLock.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func now() int64 { return time.Now().UnixMilli() }

// queueSelector puts a message with a SHARD property on that queue, others in turn.
type queueSelector struct{ turn producer.QueueSelector }

func (s queueSelector) Select(m *primitive.Message, queues []*primitive.MessageQueue, last string) *primitive.MessageQueue {
	var id int
	if _, err := fmt.Sscan(m.GetShardingKey(), &id); err == nil {
		for _, queue := range queues {
			if queue.QueueId == id {
				return queue
			}
		}
	}
	return s.turn.Select(m, queues, last)
}

// decisions answers a producer's local transactions and the broker's questions with what each message says.
type decisions struct {
	as    string
	byKey map[string]message
}

func state(decision string) primitive.LocalTransactionState {
	switch decision {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

func (d decisions) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return state(d.byKey[m.GetKeys()].Decide)
}

func (d decisions) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	say(event{"event": "checked", "as": d.as, "topic": m.Topic, "key": m.GetKeys(), "body": string(m.Body), "t": now()})
	return state(d.byKey[m.GetKeys()].Answer)
}

// transact sends half messages; their producer stays for the checks that come.
func transact(c command) error {
	d := decisions{c.As, map[string]message{}}
	for _, input := range c.Messages {
		d.byKey[input.Key] = input
	}
	p, err := rocketmq.NewTransactionProducer(d, producer.WithNameServer(namesrv), producer.WithGroupName(c.Group), producer.WithInstanceName(c.As),
		producer.WithSendMsgTimeout(10*time.Second))
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	for _, input := range c.Messages {
		m := primitive.NewMessage(c.Topic, []byte(input.Body))
		m.WithKeys([]string{input.Key})
		t := now()
		r, err := p.SendMessageInTransaction(context.Background(), m)
		if err != nil {
			return err
		}
		say(event{"event": "sent", "re": c.Re, "key": input.Key, "acknowledged": r.Status == primitive.SendOK, "t": t})
	}
	return nil
}

func ensureProducer() (rocketmq.Producer, error) {
	lock.Lock()
	defer lock.Unlock()
	if theProducer == nil {
		p, err := rocketmq.NewProducer(producer.WithNameServer(namesrv), producer.WithGroupName("go_producer"), producer.WithInstanceName("producer"),
			producer.WithQueueSelector(queueSelector{producer.NewRoundRobinQueueSelector()}), producer.WithSendMsgTimeout(10*time.Second))
		if err != nil {
			return nil, err
		}
		if err := p.Start(); err != nil {
			return nil, err
		}
		theProducer = p
	}
	return theProducer, nil
}

// traces writes to the trace topic of the same brokers.
func traces() *primitive.TraceConfig {
	return &primitive.TraceConfig{Access: primitive.Local, Resolver: primitive.NewPassthroughResolver(namesrv)}
}

// ensureTraced is a producer that writes what it does into the trace topic.
func ensureTraced() (rocketmq.Producer, error) {
	lock.Lock()
	defer lock.Unlock()
	if theTraced == nil {
		p, err := rocketmq.NewProducer(producer.WithNameServer(namesrv), producer.WithGroupName("go_traced_producer"), producer.WithInstanceName("traced"),
			producer.WithSendMsgTimeout(10*time.Second), producer.WithTrace(traces()))
		if err != nil {
			return nil, err
		}
		if err := p.Start(); err != nil {
			return nil, err
		}
		theTraced = p
	}
	return theTraced, nil
}

// decider ends a transaction as its message says; asked again by the broker, an open one is rolled back.
type decider struct{}

func (decider) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	switch m.GetProperty("decision") {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

func (decider) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	return primitive.RollbackMessageState
}

func ensureTransactional() (rocketmq.TransactionProducer, error) {
	lock.Lock()
	defer lock.Unlock()
	if theTransactional == nil {
		p, err := rocketmq.NewTransactionProducer(decider{}, producer.WithNameServer(namesrv), producer.WithGroupName("go_transaction_producer"),
			producer.WithInstanceName("transactional"), producer.WithSendMsgTimeout(10*time.Second))
		if err != nil {
			return nil, err
		}
		if err := p.Start(); err != nil {
			return nil, err
		}
		theTransactional = p
	}
	return theTransactional, nil
}

func sent(re int, key string, r *primitive.SendResult, index int, t int64) {
	ids := strings.Split(r.OffsetMsgID, ",")
	say(event{"event": "sent", "re": re, "key": key, "acknowledged": r.Status == primitive.SendOK, "queueId": r.MessageQueue.QueueId,
		"offset": r.QueueOffset + int64(index), "msgId": ids[index%len(ids)], "t": t})
}

func send(c command) error {
	ensure := ensureProducer
	if c.Trace {
		ensure = ensureTraced
	}
	p, err := ensure()
	if err != nil {
		return err
	}
	ctx := context.Background()
	var all []*primitive.Message
	for _, input := range c.Messages {
		m := primitive.NewMessage(c.Topic, []byte(input.Body))
		m.WithKeys([]string{input.Key})
		if input.Tag != "" {
			m.WithTag(input.Tag)
		}
		for name, value := range input.Properties {
			m.WithProperty(name, value)
		}
		if input.DelayLevel > 0 {
			m.WithDelayTimeLevel(input.DelayLevel)
		}
		if input.QueueID != nil {
			m.WithShardingKey(fmt.Sprint(*input.QueueID))
		}
		if input.Decision != "" {
			m.WithProperty("decision", input.Decision)
		}
		all = append(all, m)
	}
	if c.Mode == "batch" {
		t := now()
		r, err := p.SendSync(ctx, all...)
		if err != nil {
			return err
		}
		for i, input := range c.Messages {
			sent(c.Re, input.Key, r, i, t)
		}
		return nil
	}
	failures := make(chan error, len(all))
	for i, m := range all {
		key := c.Messages[i].Key
		t := now()
		switch c.Mode {
		case "transaction":
			tp, err := ensureTransactional()
			if err != nil {
				return err
			}
			r, err := tp.SendMessageInTransaction(ctx, m)
			if err != nil {
				return err
			}
			sent(c.Re, key, r.SendResult, 0, t)
			failures <- nil
		case "oneway":
			if err := p.SendOneWay(ctx, m); err != nil {
				return err
			}
			say(event{"event": "sent", "re": c.Re, "key": key, "acknowledged": false, "t": t})
			failures <- nil
		case "async":
			err := p.SendAsync(ctx, func(_ context.Context, r *primitive.SendResult, err error) {
				if err == nil {
					sent(c.Re, key, r, 0, t)
				}
				failures <- err
			}, m)
			if err != nil {
				return err
			}
		default:
			r, err := p.SendSync(ctx, m)
			if err != nil {
				return err
			}
			sent(c.Re, key, r, 0, t)
			failures <- nil
		}
	}
	late := time.After(20 * time.Second)
	for range all {
		select {
		case err := <-failures:
			if err != nil {
				return err
			}
		case <-late:
			return fmt.Errorf("not all callbacks came")
		}
	}
	return nil
}

func received(as string, m *primitive.MessageExt, taken bool) {
	e := event{"event": "received", "as": as, "topic": m.Topic, "key": m.GetKeys(), "body": string(m.Body), "queueId": m.Queue.QueueId,
		"offset": m.QueueOffset, "reconsume": m.ReconsumeTimes, "msgId": m.MsgId, "taken": taken, "t": now()}
	if tag := m.GetTags(); tag != "" {
		e["tag"] = tag
	}
	say(e)
}

func refuses(c command, key string) bool {
	name := c.As + key
	switch c.Fail {
	case "always":
		return true
	case "once":
		if !strings.HasSuffix(key, "0") {
			return false
		}
	case "nth":
		nth := 0
		fmt.Sscan(key[strings.LastIndex(key, "-")+1:], &nth)
		if nth%c.FailEvery != c.FailEvery-1 || nth >= c.FailBefore {
			return false
		}
		name = c.Group + " " + key
	default:
		return false
	}
	lock.Lock()
	defer lock.Unlock()
	before := refused[name]
	refused[name] = true
	return !before
}

func subscribe(c command) error {
	model := consumer.Clustering
	if c.Model == "broadcasting" {
		model = consumer.BroadCasting
	}
	options := []consumer.Option{
		consumer.WithNameServer(namesrv), consumer.WithGroupName(c.Group), consumer.WithInstance(c.As), consumer.WithConsumerModel(model),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumerOrder(c.Orderly), consumer.WithConsumeMessageBatchMaxSize(1),
		consumer.WithSuspendCurrentQueueTimeMillis(200 * time.Millisecond),
		consumer.WithStrategy(func(group, id string, queues []*primitive.MessageQueue, ids []string) []*primitive.MessageQueue {
			share := consumer.AllocateByAveragely(group, id, queues, ids)
			if len(queues) > 0 && queues[0].Topic == c.Topic {
				own := []int{}
				for _, queue := range share {
					own = append(own, queue.QueueId)
				}
				lock.Lock()
				assigned[c.As] = own
				lock.Unlock()
			}
			return share
		}),
	}
	if c.MaxReconsume > 0 {
		options = append(options, consumer.WithMaxReconsumeTimes(c.MaxReconsume))
	}
	if c.Batch > 0 {
		options = append(options, consumer.WithConsumeMessageBatchMaxSize(c.Batch), consumer.WithPullBatchSize(64))
	}
	if c.Trace {
		options = append(options, consumer.WithTrace(traces()))
	}
	pc, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return err
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
	if c.Expression != "" {
		selector.Expression = c.Expression
	}
	if c.ExpressionType != "" {
		selector.Type = consumer.ExpressionType(c.ExpressionType)
	}
	err = pc.Subscribe(c.Topic, selector, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		all := true
		if c.Batch > 0 {
			say(event{"event": "batch", "as": c.As, "count": len(messages)})
		}
		for _, m := range messages {
			refuse := refuses(c, m.GetKeys())
			received(c.As, m, !refuse)
			all = all && !refuse
		}
		if all {
			return consumer.ConsumeSuccess, nil
		}
		if c.Orderly {
			return consumer.SuspendCurrentQueueAMoment, nil
		}
		if concurrently, ok := primitive.GetConcurrentlyCtx(ctx); ok && c.RetryLevel > 0 {
			concurrently.DelayLevelWhenNextConsume = c.RetryLevel
		}
		return consumer.ConsumeRetryLater, nil
	})
	if err != nil {
		return err
	}
	lock.Lock()
	consumers[c.As] = pc
	lock.Unlock()
	return pc.Start()
}

func pull(c command) error {
	pc, err := rocketmq.NewPullConsumer(consumer.WithNameServer(namesrv), consumer.WithGroupName(c.Group), consumer.WithInstance(c.As),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return err
	}
	if err := pc.Subscribe(c.Topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}); err != nil {
		return err
	}
	if err := pc.Start(); err != nil {
		return err
	}
	defer pc.Shutdown()
	ctx := context.Background()
	got := 0
	end := time.Now().Add(20 * time.Second)
	if c.Style == "lite" {
		for got < c.Expect && time.Now().Before(end) {
			request, err := pc.Poll(ctx, time.Second)
			if err != nil {
				if consumer.IsNoNewMsgError(err) {
					continue
				}
				return err
			}
			for _, m := range request.GetMsgList() {
				received(c.As, m, true)
				got++
			}
			pc.ACK(ctx, request, consumer.ConsumeSuccess)
		}
		return nil
	}
	a, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver(namesrv)))
	if err != nil {
		return err
	}
	queues, err := a.FetchPublishMessageQueues(ctx, c.Topic)
	if err != nil {
		return err
	}
	for _, queue := range queues {
		for offset := int64(0); ; {
			result, err := pc.PullFrom(ctx, queue, offset, 32)
			if err != nil {
				return err
			}
			for _, m := range result.GetMessageExts() {
				received(c.As, m, true)
				got++
			}
			offset = result.NextBeginOffset
			if offset >= result.MaxOffset {
				break
			}
		}
	}
	return nil
}

func run(c command) error {
	ctx := context.Background()
	switch c.Do {
	case "send":
		return send(c)
	case "transact":
		return transact(c)
	case "subscribe":
		return subscribe(c)
	case "assignment":
		lock.Lock()
		defer lock.Unlock()
		own := assigned[c.As]
		if own == nil {
			own = []int{}
		}
		say(event{"event": "assigned", "re": c.Re, "as": c.As, "queues": own})
		return nil
	case "unsubscribe":
		lock.Lock()
		pc := consumers[c.As]
		delete(consumers, c.As)
		lock.Unlock()
		return pc.Shutdown()
	case "pull":
		return pull(c)
	case "createTopic", "deleteTopic", "listTopics":
		a, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver(namesrv)))
		if err != nil {
			return err
		}
		switch c.Do {
		case "createTopic":
			return a.CreateTopic(ctx, admin.WithTopicCreate(c.Topic), admin.WithBrokerAddrCreate(c.Broker), admin.WithReadQueueNums(c.Queues), admin.WithWriteQueueNums(c.Queues))
		case "deleteTopic":
			return a.DeleteTopic(ctx, admin.WithTopicDelete(c.Topic), admin.WithBrokerAddrDelete(c.Broker), admin.WithNameSrvAddr(namesrv))
		default:
			list, err := a.FetchAllTopicList(ctx)
			if err != nil {
				return err
			}
			say(event{"event": "topics", "re": c.Re, "topics": list.TopicList})
			return nil
		}
	}
	return fmt.Errorf("go has no %s", c.Do)
}

func main() {
	rlog.SetLogLevel("error")
	_ = rlog.SetOutputPath("/dev/stderr")
	namesrv = primitive.NamesrvAddr{os.Args[1]}
	say(event{"event": "ready", "sdk": "go"})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 65536), 16*1024*1024)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			say(event{"event": "error", "re": 0, "message": err.Error()})
			continue
		}
		if c.Do == "exit" {
			os.Exit(0)
		}
		go func() {
			if err := run(c); err != nil {
				say(event{"event": "error", "re": c.Re, "message": err.Error()})
				return
			}
			say(event{"event": "done", "re": c.Re})
		}()
	}
	os.Exit(0)
}

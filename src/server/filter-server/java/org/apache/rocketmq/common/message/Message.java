package org.apache.rocketmq.common.message;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** A message as filters know it: the part that a producer made. Changes stay within the filter. */
public class Message {
    private String topic;
    private int flag;
    private Map<String, String> properties = new HashMap<>();
    private byte[] body;
    private String transactionId;

    public String getTopic() {
        return topic;
    }

    public void setTopic(String topic) {
        this.topic = topic;
    }

    public int getFlag() {
        return flag;
    }

    public void setFlag(int flag) {
        this.flag = flag;
    }

    public byte[] getBody() {
        return body;
    }

    public void setBody(byte[] body) {
        this.body = body;
    }

    public Map<String, String> getProperties() {
        return properties;
    }

    public void setProperties(Map<String, String> properties) {
        this.properties = properties;
    }

    public String getProperty(String name) {
        return properties.get(name);
    }

    public String getUserProperty(String name) {
        return properties.get(name);
    }

    public void putUserProperty(String name, String value) {
        properties.put(name, value);
    }

    public String getTags() {
        return properties.get(MessageConst.PROPERTY_TAGS);
    }

    public void setTags(String tags) {
        properties.put(MessageConst.PROPERTY_TAGS, tags);
    }

    public String getKeys() {
        return properties.get(MessageConst.PROPERTY_KEYS);
    }

    public void setKeys(String keys) {
        properties.put(MessageConst.PROPERTY_KEYS, keys);
    }

    public void setKeys(Collection<String> keys) {
        setKeys(String.join(MessageConst.KEY_SEPARATOR, keys));
    }

    public int getDelayTimeLevel() {
        String level = properties.get(MessageConst.PROPERTY_DELAY_TIME_LEVEL);
        return level == null ? 0 : Integer.parseInt(level);
    }

    public boolean isWaitStoreMsgOK() {
        String wait = properties.get(MessageConst.PROPERTY_WAIT_STORE_MSG_OK);
        return wait == null || Boolean.parseBoolean(wait);
    }

    public String getBuyerId() {
        return properties.get(MessageConst.PROPERTY_BUYER_ID);
    }

    public String getTransactionId() {
        return transactionId;
    }

    public void setTransactionId(String transactionId) {
        this.transactionId = transactionId;
    }

    @Override
    public String toString() {
        return "Message{topic=" + topic + ", flag=" + flag + ", properties=" + properties + ", body=" + (body == null ? 0 : body.length) + " bytes}";
    }
}

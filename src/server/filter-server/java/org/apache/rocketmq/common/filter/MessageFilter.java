package org.apache.rocketmq.common.filter;

import org.apache.rocketmq.common.message.MessageExt;

/** What an uploaded class implements. */
public interface MessageFilter {
    boolean match(MessageExt msg, FilterContext context);
}
